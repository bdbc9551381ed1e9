"""The most memory that a stretch of work needs."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class PeakMemory:
    """A context that measures peak memory: on a GPU the allocator's, elsewhere the process's.

    Attributes:
        values: after the context, in bytes: `peak_allocated_bytes` and `peak_reserved_bytes` of a
            GPU; of the process `peak_resident_bytes`, and how much of it was there before
            (`resident_before_bytes`). Where the system cannot forget an earlier peak
            (`peak_is_of_process`), the peak is that of the whole process so far.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.values: dict[str, int | bool] = {}

    def __enter__(self) -> Self:
        """Begin."""
        if self._device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._forgotten = _forget_peak()
            self._before = _resident()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Read the peak."""
        if self._device.startswith("cuda"):
            self.values = {
                "peak_allocated_bytes": torch.cuda.max_memory_allocated(self._device),
                "peak_reserved_bytes": torch.cuda.max_memory_reserved(self._device),
            }
            return
        self.values = {
            "peak_resident_bytes": _peak_resident(),
            "peak_is_of_process": not self._forgotten,
        }
        if self._before is not None:
            self.values["resident_before_bytes"] = self._before


def _forget_peak() -> bool:
    """Let the system's high-water mark start anew; False where it cannot."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _peak_resident() -> int:
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _resident() -> int | None:
    return _status("VmRSS")


def _status(name: str) -> int | None:
    """A line of Linux's account of the process, in bytes; None elsewhere."""
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
