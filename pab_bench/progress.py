"""Shows how far a run is: live in a terminal, otherwise a line now and then.

Standard library only, until something is shown.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOOK_EVERY_S = 1.0
_REFRESH_PER_S = 4
"""Rarely enough that drawing costs the measured steps nothing that could be seen."""


class Progress:
    """Points done and to do, the current step, and the time that is left.

    Args:
        total: number of points; None if it is not known.
        live: the display; None for plain lines.
    """

    def __init__(self, total: int | None, live: Any = None) -> None:
        self._total = total
        self._live = live
        self._last = time.monotonic()
        self._durations: list[float] = []
        self._done = self._failed = 0
        if live is not None:
            self._points = live.add_task("points", total=total, about="")
            self._steps = live.add_task("", total=None, about="", visible=False)

    def step(self, what: str, done: int, total: int) -> None:
        """A denoising step has ended."""
        if self._live is not None:
            self._live.update(
                self._steps, description=what, completed=done, total=total, visible=True
            )

    def point(self, status: str, cached: bool) -> None:
        """A point has ended."""
        self._done += 1
        now = time.monotonic()
        if not cached:
            self._durations.append(now - self._last)
        self._last = now
        self._failed += status == "failed"
        about = self.about()
        if self._live is None:
            if self._total != 1:
                of = "" if self._total is None else f" of {self._total}"
                points = "point" if self._done == 1 and not of else "points"
                message = f"{self._done}{of} {points} done" + (f", {about}" if about else "")
                print(message, file=sys.stderr, flush=True)
        else:
            self._live.update(self._points, completed=self._done, about=about)
            self._live.update(self._steps, visible=False)

    def about(self) -> str:
        """How many failed, and how long the rest will take."""
        parts = [f"{self._failed} failed"] if self._failed else []
        left = None if self._total is None else self._total - self._done
        # The first one has loaded the model and made the baseline.
        usual = self._durations[1:] or self._durations
        if left and usual:
            parts.append(f"about {duration(sum(usual) / len(usual) * left)} left")
        return ", ".join(parts)


class _Silent(Progress):
    def __init__(self) -> None:
        pass

    def step(self, what: str, done: int, total: int) -> None:
        pass

    def point(self, status: str, cached: bool) -> None:
        pass


_current: Progress = _Silent()


def current() -> Progress:
    """The progress of the run in this process; silent where none is shown, as in workers."""
    return _current


@contextmanager
def shown(
    total: int | None, pointers: Callable[[], Iterator[Path]] | None = None
) -> Iterator[None]:
    """Show the progress of a run.

    Args:
        total: number of points; None if it is not known.
        pointers: finds the `point.json` of the jobs that ended, where jobs run in other processes;
            None if they report themselves.
    """
    global _current
    with _display() as live:
        progress = Progress(total, live)
        if pointers is None:
            _current = progress
            try:
                yield
            finally:
                _current = _Silent()
            return
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(progress, pointers, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `5 min`, `2.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def _display() -> Iterator[Any]:
    """Rich's display on a terminal, otherwise None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    # Whatever is printed meanwhile appears above the bars.
    with Display(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[about]}"),
        console=Console(stderr=True),
        refresh_per_second=_REFRESH_PER_S,
    ) as display:
        yield display


def _watch(
    progress: Progress, pointers: Callable[[], Iterator[Path]], ended: threading.Event
) -> None:
    from pab_bench.files import read_sealed_json

    seen: set[Path] = set()
    last_look = False
    while not last_look:
        last_look = ended.wait(_LOOK_EVERY_S)
        for path in pointers():
            if path not in seen:
                seen.add(path)
                try:
                    pointer = read_sealed_json(path, required=False)
                    progress.point(pointer["status"], pointer["cached"])
                except (OSError, ValueError, KeyError):  # The end of the run names it.
                    continue
