"""What the broadcast costs in quality: each metric over the swept key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.job_axis import JobAxis, draw_missing, finished, job_axis
from analysis.figures.quality_axis import draw_off_scale, off_scale
from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_METRICS = 8
_MOST_VECTORS = 3000
"""More dots than that are a picture in the PDF, too."""


@styled
def quality(
    summary: pd.DataFrame,
    swept: Sequence[str],
    metrics: Mapping[str, MetricFacts],
    videos: pd.DataFrame | None = None,
) -> Figure:
    """Each metric over the swept key or the jobs' labels; at most eight.

    Args:
        summary: the sweep's summary; `<metric>_low` and `_high` are drawn as bars, where there.
        swept: its columns of swept keys.
        metrics: the metrics by column, in the order in which they are shown.
        videos: one value per video (job, metric, value), drawn as small dots.
    """
    rows = finished(summary)
    shown = [name for name in metrics if rows[name].notna().any()][:MOST_METRICS]
    if not shown:
        raise NothingToShow("no quality metric has a value")
    axis = job_axis(rows, swept)
    lines = -(-len(shown) // 2)
    figure = new_figure(PAGE, 0.4 + (1.8 if axis.numeric else 2.1) * lines)
    grid = figure.subplots(lines, 2, squeeze=False).ravel()
    for axes, metric in zip(grid, shown, strict=False):
        _draw(axes, rows, axis, metrics[metric], videos)
        axes.set_title(metrics[metric].direction)
        axes.set_ylabel(metrics[metric].heading)
        axes.grid(axis="y")
        axis.apply(axes)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    handles: dict[str, Any] = {}
    for axes in grid[: len(shown)]:
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw(
    axes: Axes, rows: pd.DataFrame, axis: JobAxis, metric: MetricFacts, videos: pd.DataFrame | None
) -> None:
    name = metric.column
    table = pd.DataFrame({"job": rows["job"], "x": axis.positions, "y": rows[name]})
    for end in ("low", "high"):
        table[end] = rows[f"{name}_{end}"] if f"{name}_{end}" in rows else float("nan")
    beyond = off_scale(metric, table["y"])
    shown = table[table["y"].notna() & ~beyond].sort_values("x")
    if videos is not None:
        _draw_videos(axes, shown, videos[videos["metric"] == name], metric)
    line = "-" if axis.numeric else "none"
    mean: dict[str, Any] = {"marker": "o", "linestyle": line, "color": ACCENT, "zorder": 3}
    axes.plot(shown["x"], shown["y"], label="mean", **mean)
    draw_intervals(axes, shown)
    if f"baseline_{name}" in rows:
        _draw_baseline(axes, rows[f"baseline_{name}"])
    axes.margins(y=0.12)
    axes.ticklabel_format(axis="y", useOffset=False)
    draw_missing(axes, table["x"][table["y"].isna()])
    draw_off_scale(axes, table["x"][beyond], metric)


def draw_intervals(axes: Axes, rows: pd.DataFrame, colour: str = ACCENT) -> None:
    """Bars from `low` to `high` at `x`, where there are intervals; with a name for the legend."""
    known = rows[rows["low"].notna()]
    if known.empty:
        return
    bars: dict[str, Any] = {"color": colour, "linewidth": 2.6, "alpha": 0.35, "zorder": 2}
    lines = axes.vlines(known["x"], known["low"], known["high"], **bars)
    lines.set(label="95 % interval", rasterized=len(known) > _MOST_VECTORS)


def _draw_videos(
    axes: Axes, shown: pd.DataFrame, videos: pd.DataFrame, metric: MetricFacts
) -> None:
    dots = videos.merge(shown[["job", "x"]], on="job")
    dots = dots[~off_scale(metric, dots["value"])]
    # One dot would only repeat the mean.
    if dots.groupby("job").size().max() > 1:
        axes.plot(
            dots["x"],
            dots["value"],
            ".",
            color=MUTED,
            ms=3,
            alpha=0.7,
            label="one video",
            rasterized=len(dots) > _MOST_VECTORS,
        )


def _draw_baseline(axes: Axes, values: pd.Series) -> None:
    for place, value in enumerate(values.dropna().unique()):
        label = "baseline" if place == 0 else None
        axes.axhline(value, color=INK, linestyle="--", linewidth=0.8, label=label)
