"""What the broadcast costs in quality: each metric over the swept key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.job_axis import JobAxis, finished, job_axis
from analysis.figures.quality_axis import NAMES, draw_off_scale, metric_label, off_scale
from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NO_VALUE: dict[str, Any] = {
    "rotation": 90,
    "ha": "center",
    "va": "bottom",
    "fontsize": 6.5,
    "color": MUTED,
}


@styled
def quality(
    summary: pd.DataFrame,
    swept: Sequence[str],
    directions: Mapping[str, bool | None],
    videos: pd.DataFrame | None = None,
) -> Figure:
    """PSNR, SSIM, LPIPS and flickering, each over the swept key or the jobs' labels.

    Args:
        summary: the sweep's summary.
        swept: its columns of swept keys.
        directions: metric -> whether higher is better.
        videos: one value per video (job, metric, value), drawn as small dots.
    """
    rows = finished(summary)
    metrics = [name for name in NAMES if rows[name].notna().any()]
    if not metrics:
        raise NothingToShow("no quality metric has a value")
    axis = job_axis(rows, swept)
    lines = -(-len(metrics) // 2)
    figure = new_figure(PAGE, 0.4 + (1.8 if axis.numeric else 2.1) * lines)
    grid = figure.subplots(lines, 2, squeeze=False).ravel()
    for axes, metric in zip(grid, metrics, strict=False):
        _draw(axes, rows, axis, metric, videos)
        axes.set_title(metric_label(metric, directions))
        axes.grid(axis="y")
        axis.apply(axes)
    for axes in grid[len(metrics) :]:
        axes.set_visible(False)
    handles: dict[str, Any] = {}
    for axes in grid[: len(metrics)]:
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw(
    axes: Axes, rows: pd.DataFrame, axis: JobAxis, metric: str, videos: pd.DataFrame | None
) -> None:
    table = pd.DataFrame({"job": rows["job"], "x": axis.positions, "y": rows[metric]})
    beyond = off_scale(metric, table["y"])
    shown = table[table["y"].notna() & ~beyond].sort_values("x")
    if videos is not None:
        _draw_videos(axes, shown, videos[videos["metric"] == metric])
    line = "-" if axis.numeric else "none"
    axes.plot(
        shown["x"], shown["y"], marker="o", linestyle=line, color=ACCENT, zorder=3, label="mean"
    )
    if metric == "temporal_flickering":
        _draw_baseline(axes, rows["baseline_temporal_flickering"])
    axes.margins(y=0.12)
    axes.ticklabel_format(axis="y", useOffset=False)
    for place in table["x"][table["y"].isna()]:
        axes.text(place, 0.03, "no value", transform=axes.get_xaxis_transform(), **_NO_VALUE)
    draw_off_scale(axes, table["x"][beyond])


def _draw_videos(axes: Axes, shown: pd.DataFrame, videos: pd.DataFrame) -> None:
    dots = videos.merge(shown[["job", "x"]], on="job")
    dots = dots[~off_scale(str(videos["metric"].iloc[0]) if len(videos) else "", dots["value"])]
    # One dot would only repeat the mean.
    if dots.groupby("job").size().max() > 1:
        axes.plot(dots["x"], dots["value"], ".", color=MUTED, ms=3, alpha=0.7, label="one video")


def _draw_baseline(axes: Axes, values: pd.Series) -> None:
    for place, value in enumerate(values.dropna().unique()):
        label = "baseline" if place == 0 else None
        axes.axhline(value, color=INK, linestyle="--", linewidth=0.8, label=label)
