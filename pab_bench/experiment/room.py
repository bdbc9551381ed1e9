"""Whether what a plan keeps has room on its device, told before anything is sampled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from pab_bench.config.settings import Settings
from pab_bench.cost.cache_bytes import CacheBytes
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.counting import UnknownWork
from pab_bench.cost.estimate import cache_of, text_tokens
from pab_bench.engine.kinds import KINDS
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import transformers_of
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment.session import Session
from pab_bench.store.failure_kinds import OUT_OF_MEMORY
from pab_bench.systems.registry import get_blueprint
from pab_bench.text.sizes import size

_log = logging.getLogger(__name__)
_HOST = "cpu"
_MEMINFO = Path("/proc/meminfo")


class NoRoom(PabBenchError):
    """What is to be kept is more than the memory of a device can hold."""

    kind = OUT_OF_MEMORY


@dataclass(frozen=True)
class Room:
    """The memory of a device.

    Attributes:
        device: `cpu` for that of the host.
        total: bytes that it has.
        free: bytes that are free now.
        weights: bytes that the transformers take of it.
    """

    device: str
    total: int
    free: int
    weights: int = 0

    def check(self, cache: CacheBytes, settings: Settings) -> str | None:
        """Say what a plan's outputs leave of the memory.

        Returns:
            A warning if they are more than is free now; others may give memory back.

        Raises:
            NoRoom: if they cannot fit beside the weights even if nothing else is there.
        """
        if cache.peak <= self.free:
            return None
        ways = ", ".join(ways_to_keep_less(settings, self.device))
        said = (
            f"the plan keeps {size(cache.peak)} ({cache.peak} bytes) of "
            f"{settings.method.broadcast_object} at once{_shares(cache)}; {self.device} has "
            f"{size(self.total)}, of which weights take {size(self.weights)} and "
            f"{size(self.free)} are free. Less is kept with {ways}"
        )
        if cache.peak + self.weights > self.total:
            raise NoRoom(f"there is no room for what is kept: {said}")
        return f"there may be no room for what is kept: {said}"


def check_room(settings: Settings, session: Session, plan: Plan) -> None:
    """Refuse a plan whose outputs cannot fit on their device, and warn where they hardly do.

    Nothing is said where it is not known what a model keeps without its weights.

    Raises:
        NoRoom: with the bytes, the device's memory, and the keys that help.
    """
    if plan.is_baseline():
        return
    device = settings.cache.device or session.device
    room = room_of(device, transformers_of(session.sampler.architecture))
    if room is None:
        return
    try:
        blueprint = get_blueprint(settings.model, settings.dtype)
        convention, name = get_convention(DEFAULT), settings.method.name
        tokens, _ = text_tokens(blueprint, convention, settings.prompts, name)
        cache = cache_of(settings, plan, tokens)
    except (ConfigError, UnknownWork):
        return
    warning = room.check(cache, settings)
    if warning is not None:
        _log.warning(warning)


def room_of(device: str, transformers: Sequence[torch.nn.Module] = ()) -> Room | None:
    """The memory of a device; None where that is not known.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        transformers: whose weights may lie there.
    """
    kind = device.partition(":")[0]
    parameters = [own for transformer in transformers for own in transformer.parameters()]
    weights = sum(own.nbytes for own in parameters if own.device.type == kind)
    if kind == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return Room(device, total, free + unused, weights)
    memory = _host_memory() if kind == _HOST else {}
    if not {"MemTotal", "MemAvailable"} <= memory.keys():
        return None
    return Room(_HOST, memory["MemTotal"], memory["MemAvailable"], weights)


def _host_memory() -> Mapping[str, int]:
    """What Linux says of the memory, in bytes; nothing elsewhere."""
    if not _MEMINFO.is_file():
        return {}
    rows = (line.split() for line in _MEMINFO.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}


def _shares(cache: CacheBytes) -> str:
    shares = {kind: sum(n for g, n in cache.at_peak.items() if g.kind == kind) for kind in KINDS}
    found = ", ".join(f"{kind} {size(held)}" for kind, held in shares.items() if held)
    return f" ({found})" if found else ""


def ways_to_keep_less(settings: Settings, device: str) -> list[str]:
    """Settings by which less is kept on a device, those left out that are so already."""
    found = []
    if settings.cache.dtype is None:
        found.append("cache.dtype=bfloat16 or float8_e4m3fn")
    if device != _HOST:
        found.append("cache.device=cpu")
    if settings.method.broadcast_object == "scores":
        found.append("broadcast_object=output or ungated")
    return [*found, "fewer blocks (spatial_block=[0,9])", "a single kind (the other gaps at 1)"]
