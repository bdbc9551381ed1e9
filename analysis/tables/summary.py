"""The summary of a sweep as files, and as a table in the terminal."""

from __future__ import annotations

import io
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.data import SweepData
from analysis.intervals import definition
from analysis.metrics import DOWN, UP, MetricFacts
from analysis.tables.layout import Column, document_columns, terminal_columns
from analysis.tables.provenance import provenance, reasons
from analysis.tables.write import MadeTable, TextTable
from pab_bench.files import write_bytes, write_text
from pab_bench.text.spreadsheet import csv_text

MOST_ROWS = 400
"""Of the tables that people read; summary.csv and summary.parquet have all jobs."""
_MOST_PRINTED = 60


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
    columns = document_columns(*layout(data))
    shown = data.summary.head(MOST_ROWS).to_dict("records")
    notes = [*reasons(data), *provenance(data.sweep), *definition(data.intervals)]
    if len(data.summary) > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS} of {len(data.summary)} jobs; summary.csv has all.")
    document = TextTable(
        headers=[column.header for column in columns],
        rows=[[column.cell(row) for column in columns] for row in shown],
        numeric=[column.numeric for column in columns],
        notes=notes,
    )
    return MadeTable(document)


def layout(data: SweepData) -> tuple[list[str], list[str], int, dict[str, MetricFacts]]:
    """What `document_columns` takes, in its order."""
    numbers = list(data.summary[data.swept].select_dtypes("number").columns)
    return data.swept, numbers, data.summary["model"].nunique(), data.metrics


def render_terminal(data: SweepData, console: Console) -> None:
    """Print the summary; jobs without numbers follow with their reasons."""
    columns = terminal_columns(*layout(data))
    directory = data.sweep.directory
    table = Table(
        title=f"{directory.parent.name} {directory.name}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        name = column.header.rstrip(f" {UP}{DOWN}")
        table.add_column(
            column.header.replace("_", " "),  # May be broken between words.
            justify="right" if column.numeric else "left",
            overflow="fold",  # Nothing is cut off: what does not fit goes to the next line.
            no_wrap=column.numeric and not {"_", " "} & set(name),
            min_width=None if column.numeric else 8,  # Otherwise a narrow terminal hides it.
        )
    for row in data.finished.head(_MOST_PRINTED).to_dict("records"):
        table.add_row(*_cells(columns, row))
    console.print(table)
    more = len(data.finished) - _MOST_PRINTED
    if more > 0:
        console.print(f"and {more} more in summary.csv", highlight=False)
    lines = reasons(data)
    for line in lines[:_MOST_PRINTED]:
        console.print(escape(line), style="yellow", highlight=False)
    if len(lines) > _MOST_PRINTED:
        console.print(f"and {len(lines) - _MOST_PRINTED} more in tables/summary.md")


def _cells(columns: list[Column], row: dict[str, object]) -> list[str]:
    return [escape(column.cell(row)) for column in columns]
