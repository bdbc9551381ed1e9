"""The summary of a sweep as files, and as a table in the terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.data import SweepData
from analysis.intervals import definition
from analysis.metrics import DOWN, UP, MetricFacts
from analysis.tables.layout import AUDIT, ORIGIN, VIDEOS, Column, document_columns, terminal_columns
from analysis.tables.provenance import provenance, reasons
from analysis.tables.speed_notes import speed_faults
from analysis.tables.write import MadeTable, TextTable
from pab_bench.files import write_bytes, write_text
from pab_bench.text.spreadsheet import csv_text

MOST_ROWS = 400
"""Of the tables that people read; summary.csv and summary.parquet have all jobs."""
_MOST_PRINTED = 60
_LEAST = 8
"""Characters of a column of texts."""
_BETWEEN = 2
_LEFT_OUT = ("efficiency", "bound")
"""In a terminal that is too narrow, one after the other."""


def write_data(data: SweepData) -> list[Path]:
    """Write summary.csv and summary.parquet: all jobs, all columns."""
    parquet = io.BytesIO()
    data.summary.to_parquet(parquet, index=False)
    folder = data.sweep.directory
    return [
        write_text(folder / "summary.csv", csv_text(data.summary)),
        write_bytes(folder / "summary.parquet", parquet.getvalue()),
    ]


def summary_table(data: SweepData) -> MadeTable:
    """The summary for documents, with missing numbers' reasons and provenance as its notes."""
    columns = shown_columns(data)
    shown = data.summary.head(MOST_ROWS).to_dict("records")
    notes = [*reasons(data), *speed_faults(data), *provenance(data), *definition(data.intervals)]
    if len(data.summary) > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS} of {len(data.summary)} jobs; summary.csv has all.")
    document = TextTable(
        headers=[column.header for column in columns],
        rows=[[column.cell(row) for column in columns] for row in shown],
        numeric=[column.numeric for column in columns],
        notes=notes,
    )
    return MadeTable(document)


def shown_columns(data: SweepData) -> list[Column]:
    """The columns of documents.

    Whole videos have one only if some were sampled in turns, origins if some came in an archive,
    audits if there was one.
    """
    empty = [c for c in (VIDEOS, ORIGIN, AUDIT) if data.summary[c.name].isna().all()]
    return [c for c in document_columns(*layout(data)) if c not in empty]


def layout(data: SweepData) -> tuple[list[str], list[str], int, dict[str, MetricFacts]]:
    """What `document_columns` takes, in its order."""
    numbers = list(data.summary[data.swept].select_dtypes("number").columns)
    return data.swept, numbers, data.summary["model"].nunique(), data.metrics


def render_terminal(data: SweepData, console: Console) -> None:
    """Print the summary; jobs without numbers follow with their reasons.

    Where it is too wide, headings and intervals take lines of their own, and where that does not
    help, it is printed without bounds, which the files have.
    """
    rows = data.finished.head(_MOST_PRINTED).to_dict("records")
    columns, compact = _fitting(terminal_columns(*layout(data)), rows, console.width)
    directory = data.sweep.directory
    table = Table(
        title=f"{directory.parent.name} {directory.name}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(
            _heading(column, compact),
            justify="right" if column.numeric else "left",
            overflow="fold",  # Nothing is cut off: what does not fit goes to the next line.
            no_wrap=column.numeric,
            min_width=None if column.numeric else _LEAST,  # Otherwise a narrow terminal hides it.
        )
    for row in rows:
        table.add_row(*(escape(_cell(column, row, compact)) for column in columns))
    console.print(table)
    more = len(data.finished) - _MOST_PRINTED
    if more > 0:
        console.print(f"and {more} more in summary.csv", highlight=False)
    left_out = [name for name in _LEFT_OUT if name not in {column.name for column in columns}]
    if left_out:
        names = " and ".join(reversed(left_out))
        console.print(f"without {names}, for which this is too narrow", highlight=False)
    lines = reasons(data)
    for line in lines[:_MOST_PRINTED]:
        console.print(escape(line), style="yellow", highlight=False)
    if len(lines) > _MOST_PRINTED:
        console.print(f"and {len(lines) - _MOST_PRINTED} more in tables/summary.md")


def _fitting(
    columns: list[Column], rows: list[dict[str, Any]], width: int
) -> tuple[list[Column], bool]:
    """The columns that fit, and whether they must be compact for it."""
    for count in range(len(_LEFT_OUT) + 1):
        kept = [column for column in columns if column.name not in _LEFT_OUT[:count]]
        for compact in (False, True):
            if sum(_width(column, rows, compact) + _BETWEEN for column in kept) <= width:
                return kept, compact
    return kept, True


def _width(column: Column, rows: list[dict[str, Any]], compact: bool) -> int:
    """In characters; texts may be folded."""
    texts = [_heading(column, compact), *(_cell(column, row, compact) for row in rows)]
    widest = max(len(line) for text in texts for line in text.splitlines())
    return widest if column.numeric else min(widest, _LEAST)


def _heading(column: Column, compact: bool) -> str:
    header = column.header.replace("_", " ")
    if not compact:
        return header
    return re.sub(f" (?![{UP}{DOWN}%])", "\n", header)  # What would stand alone stays.


def _cell(column: Column, row: dict[str, Any], compact: bool) -> str:
    return "\n".join(column.parts(row)) if compact else column.cell(row)
