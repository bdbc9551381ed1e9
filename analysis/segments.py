"""The attention difference in the first, middle and last part of the denoising steps.

Step `s` of `calls` steps (0 .. calls-1) belongs to the first segment where s / (calls-1) <= 0.15,
to the last where s / (calls-1) >= 0.85, else to the middle. No step is split. Step 0 has no
difference, since there is none before it.
"""

from __future__ import annotations

import pandas as pd

from analysis.lanes import over_lanes

SHARE_PERCENT = 15
SEGMENTS = ("first", "middle", "last")
MEASURES = ("mse", "relative_l1", "mse_over_energy")
ROUNDING = (
    f"Step s of steps 0..S-1 is in the first segment if s/(S-1) <= 0.{SHARE_PERCENT}, in the last "
    f"if s/(S-1) >= 0.{100 - SHARE_PERCENT}; no step is split; differences exist from step 1 on."
)


def segment_of(step: int, calls: int) -> str:
    """The segment of a step, in whole numbers so that no rounding error moves a border.

    >>> [segment_of(step, 21) for step in (3, 4, 16, 17)]
    ['first', 'middle', 'middle', 'last']
    """
    if 100 * step <= SHARE_PERCENT * (calls - 1):
        return "first"
    if 100 * step >= (100 - SHARE_PERCENT) * (calls - 1):
        return "last"
    return "middle"


def with_measures(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves with the column `mse_over_energy`, and every measure averaged over the lanes.

    The share is missing where the energy is 0.
    """
    energy = curves["energy"].where(curves["energy"] > 0)
    return over_lanes(curves.assign(mse_over_energy=curves["mse"] / energy))


def segment_means(curves: pd.DataFrame, calls: int) -> pd.DataFrame:
    """Mean per segment over its steps and all blocks, branches, lanes, prompts and seeds.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: number of transformer calls of one video, the first one included.

    Returns:
        One row per kind, tensor and measure with the columns first, middle and last, and the
        ratios first_over_middle and last_over_middle (both above 1: the curve is a U).
    """
    steps = {step: segment_of(step, calls) for step in range(calls)}
    rows = with_measures(curves)
    long = rows.assign(segment=rows["step"].map(steps))
    long = long.melt(["kind", "tensor", "segment"], list(MEASURES), "measure")
    wide = long.pivot_table("value", ["kind", "tensor", "measure"], "segment", "mean")
    wide = wide.reindex(columns=list(SEGMENTS))
    wide["first_over_middle"] = wide["first"] / wide["middle"]
    wide["last_over_middle"] = wide["last"] / wide["middle"]
    order = {name: place for place, name in enumerate(("spatial", "temporal", "cross", *MEASURES))}
    return (
        wide.rename_axis(columns=None)
        .reset_index()
        .sort_values(
            ["kind", "tensor", "measure"], key=lambda c: c.map(lambda v: (order.get(v, 99), v))
        )
        .reset_index(drop=True)
    )
