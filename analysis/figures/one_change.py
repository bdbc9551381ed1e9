"""Points that differ in one thing: time and quality side by side (PAB, tables 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.comparisons import ALL, CHANGE, ORIGINAL
from analysis.errors import NothingToShow
from analysis.figures.style import ACCENT, INK, MUTED, PAGE, SHADE, new_figure, styled, title
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_METRICS = 3
_REFERENCES = (ALL, ORIGINAL)


@styled
def one_change(points: pd.DataFrame, metrics: Mapping[str, MetricFacts]) -> Figure:
    """One line per change; panels for denoising time and for metrics with their intervals.

    Args:
        points: from `comparisons.components` or `comparisons.objects`.
        metrics: the metrics by column; the first three with values are shown.
    """
    shown = [facts for name, facts in metrics.items() if points[name].notna().any()]
    timed = points["denoise_s"].notna().any()
    if not shown and not timed:
        raise NothingToShow("neither times nor quality are recorded")
    shown = shown[:_MOST_METRICS]
    count = int(timed) + len(shown)
    figure = new_figure(PAGE, 0.95 + 0.24 * len(points))
    panels = list(figure.subplots(1, count, squeeze=False, sharey=True)[0])
    if timed:
        axes = panels.pop(0)
        _bars(axes, points, points["denoise_s"], "{:.4g}")
        axes.set_title("Denoising (s)  ↓")
    for axes, facts in zip(panels, shown, strict=True):
        _dots(axes, points, facts)
        axes.set_title(f"{facts.heading}  {facts.arrow}")
    first = figure.axes[0]
    first.set_yticks(range(len(points)), [str(name) for name in points[CHANGE]])
    first.set_ylim(len(points) - 0.5, -0.5)
    title(figure, f"{points['context'].iloc[0]}. Lines: 95 % intervals.")
    return figure


def _bars(axes: Axes, points: pd.DataFrame, values: pd.Series, form: str) -> None:
    colours = [INK if name in _REFERENCES else ACCENT for name in points[CHANGE]]
    axes.barh(range(len(points)), values.fillna(0), color=colours, height=0.6)
    # That of the ratio to the baseline, which is what was measured.
    ends = points["baseline_denoise_s"] / points["speedup_low"]
    starts = points["baseline_denoise_s"] / points["speedup_high"]
    axes.hlines(range(len(points)), starts, ends, color=MUTED, linewidth=1.6)
    for place, (value, end) in enumerate(zip(values, ends, strict=True)):
        text = "no value" if pd.isna(value) else form.format(value)
        right = 0.0 if pd.isna(value) else max(value, value if pd.isna(end) else end)
        axes.text(right, place, f" {text}", va="center", fontsize=6.5)
    axes.margins(x=0.25)
    axes.tick_params("y", length=0)


def _dots(axes: Axes, points: pd.DataFrame, metric: MetricFacts) -> None:
    name = metric.column
    for place, (_, row) in enumerate(points.iterrows()):
        axes.axhspan(place - 0.3, place + 0.3, color=SHADE, linewidth=0, zorder=0)
        value = row[name]
        if pd.isna(value):
            axes.text(
                0.02,
                place,
                "no value",
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=6.5,
                color=MUTED,
            )
            continue
        colour = INK if row[CHANGE] in _REFERENCES else ACCENT
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        if low is not None and not pd.isna(low):
            axes.hlines(place, low, high, color=colour, linewidth=2.6, alpha=0.4)
        axes.plot(value, place, "o", color=colour)
        text = metric.text(value) + (" (identical)" if _identical(metric, value) else "")
        axes.annotate(
            text, (value, place), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=6
        )
    axes.margins(x=0.25)
    axes.locator_params(axis="x", nbins=3)  # More numbers would run into each other.
    axes.tick_params("y", length=0)


def _identical(metric: MetricFacts, value: float) -> bool:
    return metric.cap is not None and value >= metric.cap
