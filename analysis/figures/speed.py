"""What the broadcast saves: speedup, and the share of module calls that it reuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.job_axis import JobAxis, draw_missing, finished, job_axis
from analysis.figures.speed_marks import COLUMNS, draw_bounds, draw_faults, draw_intervals
from analysis.figures.style import (
    ACCENT,
    INK,
    KIND_COLOURS,
    KIND_MARKERS,
    KIND_NAMES,
    MUTED,
    PAGE,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 12
_SIZES = (3.4, 2.6, 1.9, 1.3, 1.0)


@styled
def speed(summary: pd.DataFrame, swept: Sequence[str], shares: pd.DataFrame) -> Figure:
    """Speedup of denoising with interval and bound (left) and reuse share per kind (right).

    Args:
        summary: the sweep's summary.
        swept: its columns of swept keys.
        shares: columns job, kind (also `all`), share.
    """
    rows = finished(summary)
    if rows["speedup"].isna().all() and shares["share"].isna().all():
        raise NothingToShow("no calls were timed, and no plans are recorded")
    axis = job_axis(rows, swept)
    figure = new_figure(PAGE, 2.4 if axis.numeric else 2.7)
    left, right = figure.subplots(1, 2)
    _draw_speedup(left, rows, axis)
    _draw_shares(right, rows, axis, shares)
    for axes in (left, right):
        axes.grid(axis="y")
        axes.margins(y=0.14)
        axis.apply(axes)
    right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    handles, names = left.get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower left", ncols=len(handles))
    return figure


def _draw_speedup(axes: Axes, rows: pd.DataFrame, axis: JobAxis) -> None:
    table = rows[list(COLUMNS)].assign(x=axis.positions).sort_values("x")
    known = table[table["speedup"].notna()]
    axes.axhline(1, color=INK, linestyle="--", linewidth=0.8)
    line = "-" if axis.numeric else "none"
    axes.plot(known["x"], known["speedup"], marker="o", ms=3, linestyle=line, color=ACCENT)
    draw_intervals(axes, known, across="x", along="y")
    draw_bounds(axes, known, across="x")
    draw_faults(axes, known, across="x", along="y")
    draw_missing(axes, table["x"][table["speedup"].isna()])
    # Labels stand right of the points, on the side that the line does not take.
    rises = known["speedup"].shift(-1, fill_value=float("inf")) >= known["speedup"]
    crowded = len(known) > _MOST_LABELS
    for (_, row), rising in [] if crowded else zip(known.iterrows(), rises, strict=True):
        axes.annotate(
            f"{row['speedup']:.3f}x",
            (row["x"], row["speedup"]),
            xytext=(5, -6 if rising else 6),
            textcoords="offset points",
            ha="left",
            va="top" if rising else "bottom",
            fontsize=6.5,
        )
    axes.text(
        1,
        1,
        "baseline",
        transform=axes.get_yaxis_transform(),
        fontsize=6.5,
        color=MUTED,
        ha="right",
        va="bottom",
    )
    axes.set_title("Speedup of denoising  ↑ higher is better")
    axes.set_ylabel("baseline time / time")


def _draw_shares(axes: Axes, rows: pd.DataFrame, axis: JobAxis, shares: pd.DataFrame) -> None:
    from matplotlib.ticker import PercentFormatter

    places = pd.DataFrame({"job": rows["job"], "x": axis.positions})
    table = shares.merge(places, on="job").sort_values("x")
    line = "-" if axis.numeric else "none"
    # Kinds often have equal shares: each later one is thinner, so that all can be seen.
    for size, (kind, name) in zip(_SIZES, {**KIND_NAMES, "all": "All"}.items(), strict=True):
        part = table[(table["kind"] == kind) & table["share"].notna()]
        if part.empty:
            continue
        axes.plot(
            part["x"],
            part["share"],
            marker=KIND_MARKERS.get(kind, "o"),
            linestyle="--" if kind == "all" and axis.numeric else line,
            color=KIND_COLOURS.get(kind, INK),
            mfc="white" if kind == "all" else None,
            markersize=2 * size + 1,
            linewidth=size,
            label=name,
        )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title("Module calls that reuse")
    axes.set_ylabel("reuse share")
