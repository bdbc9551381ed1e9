"""The transformer's outputs on disk: one file per call, found by what led to it.

A trajectory is everything that determines a video but the plan; a call within it is addressed by
the digest of all decisions up to it (`pab_bench.engine.prefix`). So videos that begin alike
share files, whichever point, sweep or process they belong to.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pab_bench.files import remove, write_bytes
from pab_bench.store.leftovers import clean_once

_log = logging.getLogger(__name__)
_VERSION = "2"
_ROOM = 0.8
"""After tapes were removed, this share of the allowed space is in use."""

Lanes = Sequence[Sequence[torch.Tensor]]


@dataclass(frozen=True)
class TapedCall:
    """What is kept of one denoising step.

    Attributes:
        outputs: per transformer call of the step (lane) the tensors of its output, on the CPU.
        bare: whether an output is a tensor, not a tuple of tensors.
        seconds: what the step took when it was computed.
        sites: `[group's name, block, bytes]` in the order of visits: what broadcasting keeps of
            each site, 0 where nothing was kept by then.
    """

    outputs: Lanes
    bare: bool
    seconds: float
    sites: list[tuple[str, int, int]]

    @property
    def bytes(self) -> int:
        """Size of all tensors."""
        return sum(size_of(tensors) for tensors in self.outputs)


def size_of(tensors: Sequence[torch.Tensor]) -> int:
    """Size of tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class TapeStore:
    """The tapes below one results folder, of a bounded size.

    Args:
        results: the folder; tapes lie in `results/tapes/<trajectory>/<digest>.safetensors`.
        limit: bytes on disk; beyond them, what was not used for longest is removed. Processes that
            write at the same time can exceed it by what they write between two looks at the disk.
    """

    def __init__(self, results: Path, limit: int) -> None:
        self.folder = results / "tapes"
        self.limit = limit
        self._used: int | None = None

    def path(self, trajectory: str, digest: str) -> Path:
        """Where a call lies, or would lie."""
        return self.folder / trajectory / f"{digest}.safetensors"

    def known(self, trajectory: str, digests: Sequence[str]) -> int:
        """How many first calls of a video are here, without a gap."""
        for count, digest in enumerate(digests):
            if not self.path(trajectory, digest).exists():
                return count
        return len(digests)

    def load(self, trajectory: str, digest: str) -> TapedCall | None:
        """A call, or None if it is not here or cannot be trusted; then it is removed, and named."""
        path = self.path(trajectory, digest)
        try:
            call = _read(path, f"{trajectory}/{digest}")
            os.utime(path)  # It is in use: others go first.
        except FileNotFoundError:
            return None
        except _OfBefore:
            remove(path)
            return None
        except _DAMAGE as error:
            _log.warning("%s cannot be used (%s); the step is computed again", path, error)
            remove(path)
            return None
        return call

    def save(self, trajectory: str, digest: str, call: TapedCall) -> None:
        """Keep a call.

        Raises:
            OSError: if it cannot be written.
        """
        tensors = {
            f"{lane}.{index}": tensor.contiguous()
            for lane, outputs in enumerate(call.outputs)
            for index, tensor in enumerate(outputs)
        }
        about: dict[str, Any] = {
            "version": _VERSION,
            "address": f"{trajectory}/{digest}",
            "bare": call.bare,
            "seconds": call.seconds,
            "sites": [list(site) for site in call.sites],
        }
        about["content"] = _content(about, tensors)
        data = save(tensors, {name: json.dumps(value) for name, value in about.items()})
        clean_once(self.folder.parent)
        self._make_room(len(data))
        write_bytes(self.path(trajectory, digest), data)

    def clear(self) -> bool:
        """Remove all tapes; whether there were any."""
        there_were = self.folder.exists()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._used = 0
        return there_were

    def _make_room(self, more: int) -> None:
        if self._used is None or self._used + more > self.limit:
            self._used = self._remove_oldest(more)
        self._used += more

    def _remove_oldest(self, more: int) -> int:
        """Remove files until there is room for `more` bytes; what then is in use."""
        files = []
        for path in self.folder.glob("*/*"):
            try:
                status = path.stat()
            except OSError:  # Another process makes room, too.
                continue
            files.append((status.st_mtime_ns, status.st_size, path))
        used = sum(size for _, size, _ in files)
        if used + more <= self.limit:
            return used
        for _, size, path in sorted(files):
            remove(path)
            used -= size
            if used + more <= _ROOM * self.limit:
                break
        return used


class _OfBefore(Exception):
    """A tape of an earlier version, which has said nothing about its address."""


_DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError, MemoryError)
"""What reading a file raises that is not what was written; a header may claim any size."""


def _read(path: Path, address: str) -> TapedCall:
    with safe_open(path, framework="pt") as file:
        about = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
        if about.get("version") == "1":
            raise _OfBefore
        if about.get("version") != _VERSION:
            raise ValueError(f"version {_VERSION} expected, got {about.get('version')!r}")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if about.pop("content") != _content(about, tensors):
        raise ValueError("its content is not what was written")
    if about["address"] != address:
        raise ValueError(f"it is the tape of {about['address']}")
    lanes: dict[int, dict[int, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        lane, _, index = name.partition(".")
        lanes.setdefault(int(lane), {})[int(index)] = tensor
    outputs = [[lanes[lane][index] for index in sorted(lanes[lane])] for lane in sorted(lanes)]
    sites = [(name, block, size) for name, block, size in about["sites"]]
    return TapedCall(outputs, about["bare"], about["seconds"], sites)


def _content(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """The digest of all that a tape says, besides this digest."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
