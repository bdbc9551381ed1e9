"""Rows of recorders, averaged over the calls of the transformer that one denoising step takes.

Where a step calls the transformer once for each half of the guidance batch, every site has a row
for each of these lanes. Tables from before there were lanes have no such column: all they hold is
one lane.
"""

from __future__ import annotations

import pandas as pd

LANE = "lane"
AVERAGED = ("mse", "relative_l1", "cosine", "energy", "mse_over_energy")
"""Measures, as recorded or made of them. Every other column says where a row belongs."""


def over_lanes(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean of every measure over the lanes: one row where there was one for each lane.

    Args:
        rows: of `curves.parquet`, or of differences at several lags.

    Returns:
        The rows without the column `lane`; of a single lane they are otherwise untouched.
    """
    if LANE not in rows:
        return rows
    merged = rows.drop(columns=LANE)
    if rows[LANE].nunique() < 2:
        return merged
    measures = [name for name in merged if name in AVERAGED]
    place = [name for name in merged if name not in AVERAGED]
    return merged.groupby(place, sort=False, dropna=False)[measures].mean().reset_index()
