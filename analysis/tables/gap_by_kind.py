"""One kind at a time: quality over the gap, in numbers (PAB, figure 8)."""

from __future__ import annotations

from analysis.comparisons import gaps
from analysis.data import SweepData
from analysis.figures.gap_by_kind import HALF_NAMES
from analysis.figures.style import KIND_NAMES
from analysis.intervals import definition
from analysis.metrics import MAIN
from analysis.tables.layout import REUSE, Column, metric_columns
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.spreadsheet import csv_text

_NAMES = {**KIND_NAMES, **HALF_NAMES}


def gap_by_kind_table(data: SweepData) -> MadeTable:
    """One row per kind and gap; the other kinds compute.

    Raises:
        NothingToShow: see `comparisons.gaps`.
    """
    order = list(_NAMES)
    points = gaps(data).sort_values(
        ["context", "kind", "gap"],
        key=lambda column: column.map(order.index) if column.name == "kind" else column,
    )
    columns = [
        Column("kind", "kind", lambda kind: _NAMES[kind], numeric=False),
        Column("gap", "gap"),
        REUSE,
        *metric_columns(data.metrics, intervals=True, only=MAIN),
    ]
    if points["context"].nunique() > 1:
        columns.insert(0, Column("context", "model", numeric=False))
    document = TextTable(
        headers=[column.header for column in columns],
        rows=[[column.cell(row) for column in columns] for row in points.to_dict("records")],
        numeric=[column.numeric for column in columns],
        notes=[*definition(data.intervals)],
    )
    ends = [f"{name}_{end}" for name in data.metrics for end in ("low", "high")]
    known = ["context", "kind", "gap", "point", REUSE.name, *data.metrics, *ends]
    return MadeTable(document, csv_text(points[known]))
