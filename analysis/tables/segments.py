"""The attention difference at the start, in the middle and at the end of sampling, as a table."""

from __future__ import annotations

import pandas as pd

from analysis.data import SweepData
from analysis.frames import segments_frame
from analysis.segments import ROUNDING, SEGMENTS
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_RATIOS = ("first_over_middle", "last_over_middle")
_SCOPE = (
    "Baselines only. Means over the segment's steps and over all blocks, branches, prompts and "
    "seeds. mse: mean((o_s - o_(s-1))^2); relative_l1: sum|o_s - o_(s-1)| / sum|o_(s-1)|; "
    "mse_over_energy: mse / mean(o_s^2)."
)


def segments_table(data: SweepData) -> MadeTable:
    """Means per segment of every baseline.

    Raises:
        NothingToShow: no baseline has attention differences.
    """
    frame = segments_frame(data.sweep)
    return MadeTable(_document(frame), csv_text(frame))


def _document(frame: pd.DataFrame) -> TextTable:
    texts = ["model", "steps", "kind", "tensor", "measure"]
    headers = [*texts, "first 15 %", "middle 70 %", "last 15 %", "first/middle", "last/middle"]
    rows = [
        [str(row[name]) for name in texts]
        + [_cell(row[name], ".3e") for name in SEGMENTS]
        + [_cell(row[name], ".2f") for name in _RATIOS]
        for row in frame.to_dict("records")
    ]
    numeric = [False] * len(texts) + [True] * (len(SEGMENTS) + len(_RATIOS))
    return TextTable(headers, rows, numeric, [_SCOPE, ROUNDING])


def _cell(value: float, form: str) -> str:
    return MISSING if pd.isna(value) else format(value, form)
