"""How much memory broadcasting holds, and what it buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.selection import evenly
from analysis.figures.style import ACCENT, MUTED, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BARS = 30
_MOST_NAMED = 12
_UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@styled
def cache_memory(rows: pd.DataFrame) -> Figure:
    """The most bytes held at once per point, and the same against the share of calls reused.

    Args:
        rows: finished rows of the summary, with `label`; of more than 30, 30 have a bar, and with
            no more than 12 the points bear the jobs' numbers.
    """
    held = rows[rows["peak_cache_bytes"] > 0].reset_index(drop=True)
    if held.empty:
        raise NothingToShow("no point holds anything")
    size, unit = next(
        ((s, u) for s, u in _UNITS if held["peak_cache_bytes"].max() >= s), (1, "bytes")
    )
    held = held.assign(held=held["peak_cache_bytes"] / size)
    shown = held.iloc[evenly(range(len(held)), _MOST_BARS)]
    figure = new_figure(PAGE, max(2.2, 0.7 + 0.16 * len(shown)))
    left, right = figure.subplots(1, 2)
    numbered = len(held) <= _MOST_NAMED
    _bars(left, shown, unit, numbered)
    right.plot(held["reuse_share"], held["held"], "o", color=ACCENT)
    if numbered:
        from analysis.figures.point_labels import label_points

        right.margins(0.2)
        right.set_ylim(bottom=0)
        places = list(zip(held["reuse_share"], held["held"], strict=True))
        label_points(right, places, [f"[{job}]" for job in held["job"]])
    from matplotlib.ticker import PercentFormatter

    right.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set(xlabel="module calls that reuse", ylabel=f"held at once ({unit})")
    right.set_ylim(bottom=0)
    right.grid()
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, unit: str, numbered: bool) -> None:
    places = range(len(rows))
    axes.barh(places, rows["held"], color=ACCENT, height=0.65)
    for place, value in zip(places, rows["held"], strict=True):
        axes.text(value, place, f" {value:.3g}", va="center", fontsize=6, color=MUTED)
    names = rows["label"]
    if numbered:
        names = [f"{label}  [{job}]" for job, label in zip(rows["job"], names, strict=True)]
    axes.set_yticks(places, list(names))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"held at once, measured ({unit})")
    axes.margins(x=0.15)
