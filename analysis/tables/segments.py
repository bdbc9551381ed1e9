"""The attention difference at the start, in the middle and at the end of sampling, as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.atomic import write_text
from analysis.frames import segments_frame
from analysis.points import Sweep
from analysis.segments import ROUNDING, SEGMENTS
from analysis.tables.layout import MISSING
from analysis.tables.markdown import markdown_table

_RATIOS = ("first_over_middle", "last_over_middle")
_SCOPE = (
    "Baselines only. Means over the segment's steps and over all blocks, branches, prompts and "
    "seeds. mse: mean((o_s - o_(s-1))^2); relative_l1: sum|o_s - o_(s-1)| / sum|o_(s-1)|; "
    "mse_over_energy: mse / mean(o_s^2)."
)


def write_segments(sweep: Sweep) -> list[Path]:
    """Write tables/segments.csv and tables/segments.md.

    Raises:
        NothingToShow: no baseline has attention differences.
    """
    frame = segments_frame(sweep)
    tables = sweep.directory / "tables"
    return [
        write_text(tables / "segments.csv", frame.to_csv(index=False, lineterminator="\n")),
        write_text(tables / "segments.md", _markdown(frame)),
    ]


def _markdown(frame: pd.DataFrame) -> str:
    texts = ["model", "steps", "kind", "tensor", "measure"]
    headers = [*texts, "first 15 %", "middle 70 %", "last 15 %", "first/middle", "last/middle"]
    rows = [
        [str(row[name]) for name in texts]
        + [_cell(row[name], ".3e") for name in SEGMENTS]
        + [_cell(row[name], ".2f") for name in _RATIOS]
        for row in frame.to_dict("records")
    ]
    numeric = [False] * len(texts) + [True] * (len(SEGMENTS) + len(_RATIOS))
    return f"{markdown_table(headers, rows, numeric)}\n{_SCOPE}\n\n{ROUNDING}\n"


def _cell(value: float, form: str) -> str:
    return MISSING if pd.isna(value) else format(value, form)
