"""Values that would squash all others on a quality axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import MUTED
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def off_scale(metric: MetricFacts, values: pd.Series) -> pd.Series:
    """Which values would squash all others: the PSNR of videos identical to the baseline.

    It is infinite, and stored as the cap that the records name.
    """
    if metric.cap is None:
        return pd.Series(False, index=values.index)
    return (values >= metric.cap) & (values < metric.cap).any()


def draw_off_scale(
    axes: Axes, positions: pd.Series, metric: MetricFacts, colour: str = MUTED
) -> None:
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
        f"identical ({metric.cap:g} {metric.unit})",
        (float(positions.iloc[0]), 0.97),
        xycoords=edge,
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        bbox={"color": "white", "pad": 0.5},
        color=colour,
    )
