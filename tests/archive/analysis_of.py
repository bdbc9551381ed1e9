"""What the analysis shows of a results folder; a file of its own, for its imports."""

from pathlib import Path

from analysis.data import SweepData
from analysis.load import load_sweep
from analysis.report.write import render
from analysis.tables.provenance import facts
from analysis.tables.summary import shown_columns


def summary_and_provenance(results: Path):
    """The origins in the summary, the headings that documents show, and the provenance."""
    data = SweepData(load_sweep(results))
    origins = [None if value is None else str(value) for value in data.summary["origin"]]
    return origins, [column.header for column in shown_columns(data)], facts(data.sweep)


def report_of(results: Path) -> str:
    """The page of a report."""
    return render(SweepData(load_sweep(results)), {}, [], [])
