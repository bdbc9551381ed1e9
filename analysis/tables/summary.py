"""The summary of a sweep as files, and as a table in the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.atomic import write_bytes, write_text
from analysis.frames import directions
from analysis.points import Sweep
from analysis.summary import summary_frame, swept_columns
from analysis.tables.latex import latex_table
from analysis.tables.layout import document_columns, header, terminal_columns
from analysis.tables.markdown import markdown_table
from analysis.tables.provenance import provenance, reasons


def write_summary(sweep: Sweep) -> list[Path]:
    """Write summary.csv, summary.parquet, tables/summary.md and tables/summary.tex."""
    frame = summary_frame(sweep)
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    folder = sweep.directory
    return [
        write_text(folder / "summary.csv", frame.to_csv(index=False, lineterminator="\n")),
        write_bytes(folder / "summary.parquet", parquet.getvalue()),
        *_write_documents(sweep),
    ]


def _write_documents(sweep: Sweep) -> list[Path]:
    frame = summary_frame(sweep)
    columns = document_columns(*_swept(sweep, frame))
    ways = directions(sweep)
    headers = [header(column, ways, "↑", "↓") for column in columns]
    rows = [[c.cell(row[c.name]) for c in columns] for row in frame.to_dict("records")]
    numeric = [column.numeric for column in columns]
    notes, missing = provenance(sweep), reasons(sweep)
    text = markdown_table(headers, rows, numeric)
    if missing:
        text += "\nMissing numbers:\n\n" + "".join(f"- {line}\n" for line in missing)
    text += "\nProvenance:\n\n" + "".join(f"- {line}\n" for line in notes)
    tables = sweep.directory / "tables"
    return [
        write_text(tables / "summary.md", text),
        write_text(tables / "summary.tex", latex_table(headers, rows, numeric, [*missing, *notes])),
    ]


def _swept(sweep: Sweep, frame: pd.DataFrame) -> tuple[list[str], list[str], int]:
    """The swept keys' columns, those of them that hold numbers, and how many models there are."""
    swept = list(swept_columns(sweep).values())
    numbers = list(frame[swept].select_dtypes("number").columns)
    return swept, numbers, frame["model"].nunique()


def render_terminal(sweep: Sweep, console: Console) -> None:
    """Print the summary; jobs without numbers follow with their reasons."""
    frame, ways = summary_frame(sweep), directions(sweep)
    columns = terminal_columns(*_swept(sweep, frame))
    name = f"{sweep.directory.parent.name} {sweep.directory.name}"
    table = Table(
        title=name, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    for column in columns:
        table.add_column(
            header(column, ways, "↑", "↓").replace("_", " "),  # May be broken between words.
            justify="right" if column.numeric else "left",
            overflow="fold",  # Nothing is cut off: what does not fit goes to the next line.
            no_wrap=column.numeric and not {"_", " "} & set(column.header),
            min_width=None if column.numeric else 8,  # Otherwise a narrow terminal hides it.
        )
    for row in frame.to_dict("records"):
        if row["status"] == "ok":
            table.add_row(*(escape(column.cell(row[column.name])) for column in columns))
    console.print(table)
    for line in reasons(sweep):
        console.print(escape(line), style="yellow", highlight=False)
