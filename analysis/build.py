"""Makes summary, tables and figures of a sweep, in the sweep's own folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import NothingToShow
from analysis.load import load_sweep
from analysis.points import Sweep

if TYPE_CHECKING:
    from rich.console import Console

    from analysis.figures.catalog import Drawing

_log = logging.getLogger(__name__)
_SAME_MACHINE = ("device", "cpu", "threads")
_Product = tuple[Callable[[], list[Path]], Callable[[], None]]


@dataclass(frozen=True)
class BuildResult:
    """What a build made and what it could not make.

    Attributes:
        written: the files, in the order they were made.
        skipped: product -> what there is no data for.
        failures: product -> the error that stopped it.
        unfinished: job number -> why it has no numbers yet.
        notes: facts that limit what the numbers mean.
    """

    written: tuple[Path, ...]
    skipped: dict[str, str]
    failures: dict[str, str]
    unfinished: dict[int, str]
    notes: tuple[str, ...]


def build(directory: str | Path, console: Console | None = None) -> BuildResult:
    """Make everything anew; a product that fails is reported and never hides the others.

    Args:
        directory: a sweep directory, finished or not, or that of a single run.
        console: where to print the summary and what could not be made; nowhere if None.

    Raises:
        NotASweep: `directory` is missing or holds no jobs.
    """
    sweep = load_sweep(directory)
    written: list[Path] = []
    skipped: dict[str, str] = {}
    failures: dict[str, str] = {}
    for name, (make, remove) in _products(sweep).items():
        try:
            written += make()
        except NothingToShow as reason:
            skipped[name] = str(reason)
            remove()
        except Exception as error:  # One figure's error must not cost the others.
            failures[name] = f"{type(error).__name__}: {error}"
            _log.warning("%s could not be made: %s", name, failures[name], exc_info=error)
            remove()
    unfinished = {
        job.number: f"{job.status}: {job.error}"
        for job in sweep.jobs
        if job.status in ("not finished", "unreadable")
    }
    result = BuildResult(tuple(written), skipped, failures, unfinished, tuple(_notes(sweep)))
    if console is not None:
        _report(sweep, result, console)
    return result


def _products(sweep: Sweep) -> dict[str, _Product]:
    """Name -> (how it is made, how its outdated files are removed)."""
    from analysis.figures.catalog import drawings
    from analysis.figures.save import remove
    from analysis.tables.segments import write_segments
    from analysis.tables.summary import write_summary

    folder = sweep.directory / "figures"
    segments = [sweep.directory / "tables" / f"segments.{form}" for form in ("csv", "md")]
    products: dict[str, _Product] = {
        "tables/summary": (partial(write_summary, sweep), lambda: None),
        "tables/segments": (partial(write_segments, sweep), partial(_unlink, segments)),
    }
    for drawing in drawings(sweep):
        products[f"figures/{drawing.name}"] = (
            partial(_draw, drawing, folder),
            partial(remove, folder, drawing.name),
        )
    return products


def _draw(drawing: Drawing, folder: Path) -> list[Path]:
    from analysis.figures.save import save

    return save(drawing.draw(), folder, drawing.name)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _notes(sweep: Sweep) -> list[str]:
    notes = []
    for job, point in sweep.finished:
        theirs = job.baseline.value("provenance") if job.baseline else None
        ours = point.value("provenance") or {}
        other = [name for name in _SAME_MACHINE if theirs and theirs.get(name) != ours.get(name)]
        if other:
            what = ", ".join(other)
            notes.append(
                f"job {job.number}: {what} differs from its baseline's, so its speedup "
                "compares machines, too"
            )
    return notes


def _report(sweep: Sweep, result: BuildResult, console: Console) -> None:
    from rich.markup import escape

    from analysis.tables.summary import render_terminal

    render_terminal(sweep, console)
    for note in result.notes:
        console.print(escape(note), style="yellow", highlight=False)
    for name, reason in result.skipped.items():
        console.print(escape(f"{name} left out: {reason}"), style="yellow", highlight=False)
    for name, reason in result.failures.items():
        console.print(escape(f"{name} failed: {reason}"), style="red", highlight=False)
    console.print(
        escape(f"{len(result.written)} files in {sweep.directory}"), highlight=False, soft_wrap=True
    )
