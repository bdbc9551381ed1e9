"""How a measured speedup is drawn: with its interval, its bound, and what cannot be true of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from analysis.figures.style import ACCENT, FAULT, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("speedup", "speedup_low", "speedup_high", "bound", "speed_fault")
"""Of the summary: what is drawn."""
_MOST_VECTORS = 3000
"""More marks than that are a picture in the PDF, too."""


def draw_intervals(
    axes: Axes, rows: pd.DataFrame, across: str, along: Literal["x", "y"], colour: str = ACCENT
) -> None:
    """Bars with caps from `speedup_low` to `speedup_high`, where there are intervals.

    Args:
        axes: where.
        rows: of the summary.
        across: the column with the points' place on the other axis.
        along: the axis of speedups.
        colour: of the bars.
    """
    known = rows[rows["speedup_low"].notna()]
    if known.empty:
        return
    place, low, high = known[across], known["speedup_low"], known["speedup_high"]
    line = axes.vlines if along == "y" else axes.hlines
    picture = len(known) > _MOST_VECTORS
    bars = line(place, low, high, color=colour, linewidth=1.1, zorder=4)
    bars.set(label="95 % interval", rasterized=picture)
    for end in (low, high):
        at, cap = ((place, end), "_") if along == "y" else ((end, place), "|")
        axes.plot(*at, cap, color=colour, ms=5, mew=1.1, zorder=4, rasterized=picture)


def draw_bounds(axes: Axes, rows: pd.DataFrame, across: str) -> None:
    """A grey tick at each point's bound, on axes with speedups upwards."""
    known = rows[rows["bound"].notna()]
    if not known.empty:
        axes.plot(
            known[across],
            known["bound"],
            "_",
            color=MUTED,
            ms=15,
            mew=1.4,
            zorder=1,
            label="bound: reusing takes no time",
            rasterized=len(known) > _MOST_VECTORS,
        )


def draw_faults(axes: Axes, rows: pd.DataFrame, across: str, along: Literal["x", "y"]) -> None:
    """Cross out speedups that cannot be true."""
    wrong = rows[rows["speed_fault"].notna()]
    if not wrong.empty:
        place, value = wrong[across], wrong["speedup"]
        at = (place, value) if along == "y" else (value, place)
        axes.plot(*at, "x", color=FAULT, ms=8, mew=1.4, zorder=5, label="cannot be true: see notes")
