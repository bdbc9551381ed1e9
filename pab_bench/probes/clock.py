"""Marks in time that do not disturb the device, and the seconds between them."""

from __future__ import annotations

import time
from typing import Any, Protocol

import torch


class Clock(Protocol):
    """Marks now; the seconds between two marks are read later."""

    def mark(self) -> Any:
        """A point in time."""
        ...

    def seconds(self, start: Any, end: Any) -> float:
        """Seconds from one mark to another. Waits for the device where that is needed."""
        ...


class HostClock:
    """`perf_counter`.

    On a CPU operations are done when their call returns. A Metal device is waited for at every
    mark, which slows it down.
    """

    def __init__(self, device: str) -> None:
        self._wait = device.startswith("mps")

    def mark(self) -> float:
        """A point in time, in seconds."""
        if self._wait:
            torch.mps.synchronize()
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> float:
        """The difference."""
        return end - start


class CudaClock:
    """Events on the current stream: the GPU is not waited for until the seconds are read."""

    def __init__(self, device: str) -> None:
        self._device = device

    def mark(self) -> torch.cuda.Event:
        """A point in the stream."""
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event

    def seconds(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """The GPU's time between the two, resolution about half a microsecond."""
        end.synchronize()
        return start.elapsed_time(end) / 1000


def clock_of(device: str) -> Clock:
    """The clock for a device."""
    return CudaClock(device) if device.startswith("cuda") else HostClock(device)
