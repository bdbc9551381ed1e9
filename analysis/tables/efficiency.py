"""Speedup efficiency: how much of what a plan saves is really gained."""

from __future__ import annotations

import pandas as pd

from analysis.data import SweepData
from analysis.runtime import efficiency_frame
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_COLUMNS = {
    "speedup": "speedup",
    "bound_by_time": "bound by time",
    "efficiency_by_time": "efficiency",
    "bound_by_flops": "bound by FLOPs",
    "efficiency_by_flops": "efficiency (FLOPs)",
}
_NOTES = (
    "Speedup of denoising, baseline over point. Bound: the speedup if reusing took no time; by "
    "time from the baseline's measured seconds of each kind at each call, by FLOPs from the "
    "predicted operations of the transformer. Efficiency: speedup over bound.",
    "An efficiency by FLOPs above 1 means that what is reused costs more time than operations.",
)


def efficiency_table(data: SweepData) -> MadeTable:
    """One row per job.

    Raises:
        NothingToShow: no job has a bound.
    """
    frame = efficiency_frame(data)
    rows = [
        [str(row["job"]), row["label"], *(_cell(name, row[name]) for name in _COLUMNS)]
        for row in frame.to_dict("records")
    ]
    headers = ["job", "point", *_COLUMNS.values()]
    numeric = [True, False, *[True] * len(_COLUMNS)]
    return MadeTable(TextTable(headers, rows, numeric, _NOTES), csv_text(frame))


def _cell(name: str, value: float | None) -> str:
    if value is None or pd.isna(value):
        return MISSING
    return f"{value:.1%}" if name.startswith("efficiency") else f"{value:.3f}x"
