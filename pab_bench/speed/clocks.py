"""Clocks for single calls, and what says whether a call was disturbed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from pab_bench.probes.clock import Clock, CudaClock, HostClock
from pab_bench.timings.rounds import ClockName

UNDISTURBED = 0.97
"""The least share of a call that its thread must have been running: it never waits by itself."""


class TooNoisy(Exception):
    """So much of wall time goes to others that it says nothing."""


@dataclass(frozen=True)
class Mark:
    """A point in time, by the clock that measures and by what watches it."""

    value: Any
    wall: float
    thread: float


class CallClock(Protocol):
    """Measures calls."""

    name: ClockName
    clock: Clock

    def mark(self) -> Mark:
        """Now."""
        ...

    def seconds(self, start: Mark, end: Mark) -> float:
        """From one mark to another."""
        ...

    def disturbed(self, start: Mark, end: Mark) -> bool:
        """Whether something else had the processor meanwhile, so that the seconds mean nothing."""
        ...


class _Marked:
    def __init__(self, name: ClockName, clock: Clock) -> None:
        self.name = name
        self.clock = clock

    def mark(self) -> Mark:
        value = self.clock.mark()
        return Mark(value, time.perf_counter(), time.thread_time())

    def seconds(self, start: Mark, end: Mark) -> float:
        return self.clock.seconds(start.value, end.value)

    def disturbed(self, start: Mark, end: Mark) -> bool:
        return False


class WallClock(_Marked):
    """Wall time of a processor that has nothing else to do.

    The calling thread computes, or waits for others of its process by turning: its own time is less
    than wall time only where something else was running.
    """

    def __init__(self, device: str) -> None:
        super().__init__("wall", HostClock(device))
        self._watched = device == "cpu"

    def disturbed(self, start: Mark, end: Mark) -> bool:
        """Whether the thread was running for less than `UNDISTURBED` of the time."""
        if not self._watched:
            return False
        return end.thread - start.thread < UNDISTURBED * (end.wall - start.wall)


class ProcessClock(_Marked):
    """Processor time of the process, which others do not add to; meant for one thread.

    Several threads would turn while they wait for one that does not get its turn.
    """

    def __init__(self) -> None:
        super().__init__("cpu", _ProcessTime())


class EventClock(_Marked):
    """Events of a GPU, which is waited for when the seconds are read."""

    def __init__(self, device: str) -> None:
        super().__init__("cuda", CudaClock(device))


class _ProcessTime:
    def mark(self) -> float:
        return time.process_time()

    def seconds(self, start: float, end: float) -> float:
        return end - start


def first_clock(device: str) -> CallClock:
    """The clock to begin with."""
    return EventClock(device) if device.startswith("cuda") else WallClock(device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute by one thread within it, as `ProcessClock` wants it, and as before after it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def wait_for(device: str) -> None:
    """Let the device do what it was asked to."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
