"""What every site of a transformer does in one call, when it computes and when it reuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.work import Work, total
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BroadcastObject, Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, Block, BlockForward, Visit, depths_of


@dataclass(frozen=True)
class SiteWork:
    """One site in one transformer call.

    Attributes:
        computed: its work when it computes.
        reused: when it reuses; nothing, unless only its attention scores are reused.
        kept: number of elements and dtype of every tensor that is kept of it.
    """

    computed: Work
    reused: Work
    kept: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class TransformerWork:
    """One transformer call.

    Attributes:
        sites: per group the sites of all blocks.
        order: in which order the sites are visited.
        rest: work outside the sites: embeddings of patches, text and timestep, the final layer.
    """

    sites: Mapping[Group, tuple[SiteWork, ...]]
    order: tuple[tuple[Group, int], ...]
    rest: Work

    def of(self, group: Group) -> Work:
        """All computing sites of a group."""
        return total(site.computed for site in self.sites[group])

    @property
    def total(self) -> Work:
        """A call in which everything computes."""
        return total(map(self.of, self.sites)) + self.rest


def transformer_work(
    architecture: Architecture,
    inputs: Mapping[str, Any],
    broadcast_object: BroadcastObject = "output",
) -> TransformerWork:
    """Count one call in which every site computes, and one in which every site reuses.

    Args:
        architecture: its transformer lies on the `meta` device.
        inputs: what it is called with, on the `meta` device too.
        broadcast_object: which tensor is kept.
    """
    depths = depths_of(architecture)
    source = {group: np.zeros((2, blocks), dtype=np.int64) for group, blocks in depths.items()}
    plan = Plan((0, 0), architecture.depth, source)
    with torch.no_grad(), WorkCounter() as counter:
        probe = _WorkProbe(counter)
        with Engine(_WithoutTimestep(architecture), plan, broadcast_object, probe=probe) as engine:
            architecture.transformer(**inputs)
            kept = {(key[0], key[2]): sizes for key, sizes in engine.cache.sizes().items()}
            architecture.transformer(**inputs)
    computed, reused = probe.calls
    sites = {
        group: tuple(
            SiteWork(computed[group, block], reused[group, block], tuple(kept[group, block]))
            for block in range(blocks)
        )
        for group, blocks in depths.items()
    }
    rest = probe.totals[0] - total(computed.values())
    return TransformerWork(sites, tuple(computed), rest)


def step_work(
    architecture: Architecture,
    calls: Sequence[Mapping[str, Any]],
    broadcast_object: BroadcastObject = "output",
) -> tuple[TransformerWork, ...]:
    """Count all calls of a denoising step; calls with the same inputs are counted once.

    Args:
        architecture: its transformer lies on the `meta` device.
        calls: what it is called with, for every lane.
        broadcast_object: which tensor is kept.
    """
    counted: list[TransformerWork] = []
    for lane, inputs in enumerate(calls):
        known = next((n for n in range(lane) if _are_equal(calls[n], inputs)), None)
        work = transformer_work(architecture, inputs, broadcast_object) if known is None else None
        counted.append(work or counted[known or 0])
    return tuple(counted)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two inputs are the same: numbers, too, since masks have them."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        alike = (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
        return alike and (one.is_meta or torch.equal(one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_are_equal(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return type(one) is type(other) and bool(one == other)


class _WorkProbe:
    """Notes the counter's growth in each site and in each call."""

    def __init__(self, counter: WorkCounter) -> None:
        self.calls: list[dict[tuple[Group, int], Work]] = []
        self.totals: list[Work] = []
        self._counter = counter

    def begin_call(self, lane: int, call: int) -> None:
        self.calls.append({})
        self._call_start = self._counter.work

    def end_call(self) -> None:
        self.totals.append(self._counter.work - self._call_start)

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        self._site = group, block
        self._site_start = self._counter.work

    def end_site(self) -> None:
        self.calls[-1][self._site] = self._counter.work - self._site_start


class _WithoutTimestep:
    """An architecture whose timestep cannot be read, since it lies on the `meta` device."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self.transformer: nn.Module = architecture.transformer
        self.groups = architecture.groups
        self.depth = architecture.depth
        self.depths = depths_of(architecture)

    def blocks(self) -> Sequence[Block]:
        return self._architecture.blocks()

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        return 0

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        return self._architecture.block_forward(block, visit)
