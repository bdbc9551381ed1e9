"""Values that would squash all others on a quality axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# PSNR of identical videos is infinite; it is stored as this value by definition.
IDENTICAL_DB = 100.0


def off_scale(metric: str, values: pd.Series) -> pd.Series:
    """Which values would squash all others: the PSNR of videos identical to the baseline."""
    identical = (values >= IDENTICAL_DB) & (metric == "psnr_db")
    return identical & (values < IDENTICAL_DB).any()


def draw_off_scale(axes: Axes, positions: pd.Series, colour: str = MUTED) -> None:
    """Mark points that lie above the axis, at its upper edge, and say what they are."""
    if positions.empty:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))
    edge = axes.get_xaxis_transform()
    axes.plot(
        positions,
        [0.97] * len(positions),
        "^",
        color=colour,
        mfc="white",
        transform=edge,
        clip_on=False,
        zorder=4,
    )
    axes.annotate(
        f"identical ({IDENTICAL_DB:g} dB)",
        (float(positions.iloc[0]), 0.97),
        xycoords=edge,
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        bbox={"color": "white", "pad": 0.5},
        color=colour,
    )
