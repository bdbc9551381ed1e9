"""Makes summary, tables, figures and the report of a sweep, in the sweep's own folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.data import SweepData
from analysis.figures.save import FORMATS, ON_SCREEN
from analysis.load import load_sweep
from analysis.products import Outcome, Product, attempt
from analysis.tables.speed_notes import speed_faults, speed_notes
from pab_bench.experiment.control import control_in_words
from pab_bench.files import unlink

if TYPE_CHECKING:
    from rich.console import Console

    from analysis.tables.catalog import Table
    from analysis.tables.write import TextTable

_SAME_MACHINE = ("device", "cpu", "threads")
_MOST_NOTES = 20


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


def build(
    directory: str | Path, console: Console | None = None, formats: Sequence[str] = ON_SCREEN
) -> BuildResult:
    """Make everything anew; a product that fails is reported and never hides the others.

    Args:
        directory: a sweep directory, finished or not, that of a single run, or a results folder:
            then its whole store is shown, in `<directory>/analysis`.
        console: where to print the summary and what could not be made; nowhere if None.
        formats: in which each figure is written; the report shows PNG.

    Raises:
        NotASweep: `directory` is missing or holds no jobs.
    """
    data = SweepData(load_sweep(directory))
    outcomes = _make_all(data, Path(directory), formats)
    unfinished = {
        job.number: f"{job.status}: {job.error}"
        for job in data.sweep.jobs
        if job.status in ("not finished", "unreadable")
    }
    result = BuildResult(
        written=tuple(path for made in outcomes.values() for path in made.written),
        skipped={name: made.skipped for name, made in outcomes.items() if made.skipped},
        failures={name: made.failure for name, made in outcomes.items() if made.failure},
        unfinished=unfinished,
        notes=tuple(notes(data)),
    )
    if console is not None:
        from rich.markup import escape

        _report(data, result, console)
        absent = [form.upper() for form in FORMATS if form not in formats]
        if absent and any(path.parent.name == "figures" for path in result.written):
            how = f"figures as {' and '.join(absent)}: python -m analysis {directory}"
            console.print(escape(how), highlight=False, soft_wrap=True)
    return result


def _make_all(data: SweepData, given: Path, formats: Sequence[str]) -> dict[str, Outcome]:
    """By name. The report comes last: it shows what was made before it."""
    from analysis.drawing import Drawing
    from analysis.figures.catalog import drawings
    from analysis.report.write import write_report
    from analysis.tables.catalog import FORMS, tables
    from analysis.tables.summary import write_data

    directory = data.sweep.directory
    folder = directory / "tables"
    documents: dict[str, TextTable] = {}
    products = {"summary": Product(partial(write_data, data), lambda: None)}
    for table in tables():
        files = [folder / f"{table.name}.{form}" for form in FORMS]
        products[f"tables/{table.name}"] = Product(
            partial(_tabulate, data, table, folder, documents), partial(_unlink, files)
        )
    drawing = Drawing(given, data, formats)
    outcomes = {name: attempt(name, product) for name, product in products.items()}
    outcomes |= drawing.finish()
    report = Product(
        lambda: [write_report(data, documents, drawings(data), notes(data))],
        partial(_unlink, [directory / "report.html"]),
    )
    outcomes["report"] = attempt("report", report)
    return outcomes


def _tabulate(
    data: SweepData, table: Table, folder: Path, documents: dict[str, TextTable]
) -> list[Path]:
    made = table.make(data)
    documents[table.title] = made.document
    return made.write(folder, table.name)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        unlink(path)


def notes(data: SweepData) -> list[str]:
    """Facts that limit what the sweep's numbers mean."""
    found = [*speed_notes(data), *speed_faults(data)]
    machines = []
    for job, point in data.sweep.finished:
        control = point.value("control") or {}
        if control.get("identical") is False:
            found.append(f"job {job.number}: {control_in_words(control)}")
        findings = (point.value("audit") or {}).get("findings")
        if findings:
            names = ", ".join(dict.fromkeys(own["name"] for own in findings))
            found.append(f"job {job.number}: audit: {names}; tables/audit.md has the evidence")
        theirs = job.baseline.value("provenance") if job.baseline else None
        ours = point.value("provenance") or {}
        other = [name for name in _SAME_MACHINE if theirs and theirs.get(name) != ours.get(name)]
        if other:
            what = ", ".join(other)
            machines.append(
                f"job {job.number}: {what} differs from its baseline's, so its quality "
                "compares machines, too"
            )
    if len(machines) > _MOST_NOTES:
        machines = [*machines[:_MOST_NOTES], f"and so for {len(machines) - _MOST_NOTES} more jobs"]
    return found + machines


def _report(data: SweepData, result: BuildResult, console: Console) -> None:
    from rich.markup import escape

    from analysis.tables.summary import render_terminal

    render_terminal(data, console)
    for note in result.notes:
        console.print(escape(note), style="yellow", highlight=False)
    for name, reason in result.failures.items():
        console.print(escape(f"{name} failed: {reason}"), style="red", highlight=False)
    directory = data.sweep.directory
    console.print(
        escape(f"{len(result.written)} files in {directory}"), highlight=False, soft_wrap=True
    )
    if directory / "report.html" in result.written:
        console.print(
            escape(f"to look at: {directory / 'report.html'}"), highlight=False, soft_wrap=True
        )
