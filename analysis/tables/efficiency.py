"""Speedup efficiency: how much of what a plan saves is really gained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.runtime import efficiency_frame
from analysis.tables.layout import MARK
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
    "Speedup of denoising with its 95 % interval, from calls in turns with the baseline's. Bound: "
    "the speedup if reusing took no time; by time from the seconds of each kind in the baseline's "
    "calls, measured in the same rounds; by FLOPs from the predicted operations of the "
    "transformer, as if all took equally long. Efficiency: speedup over bound.",
    "A speedup whose whole interval is above its bound by time was measured wrong, and is marked. "
    "The bound by FLOPs is one of time where nothing but operations takes time.",
)


def efficiency_table(data: SweepData) -> MadeTable:
    """One row per job.

    Raises:
        NothingToShow: no job has a bound.
    """
    frame = efficiency_frame(data)
    rows = [
        [str(row["job"]), row["label"], *(_cell(name, row) for name in _COLUMNS)]
        for row in frame.to_dict("records")
    ]
    headers = ["job", "point", *_COLUMNS.values()]
    numeric = [True, False, *[True] * len(_COLUMNS)]
    return MadeTable(TextTable(headers, rows, numeric, _NOTES), csv_text(frame))


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None or pd.isna(value):
        return MISSING
    if name.startswith("efficiency"):
        return f"{value:.1%}"
    if name != "speedup" or pd.isna(row["low"]):
        return f"{value:.3f}x"
    return f"{value:.3f}x{MARK if row['fault'] else ''} [{row['low']:.3f}, {row['high']:.3f}]"
