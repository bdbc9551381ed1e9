"""Which windows of timesteps may reuse: quality and saving over low and high threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.gap_by_kind import fidelity
from analysis.figures.style import INK, PAGE, SHADE, new_figure, styled, title
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_METRICS = 2
_MOST_WRITTEN = 64


@styled
def threshold_map(points: pd.DataFrame, metrics: Mapping[str, MetricFacts]) -> Figure:
    """Heat maps over the window: two fidelity metrics, and the share of module calls reused.

    Args:
        points: from `comparisons.thresholds`.
        metrics: the metrics by column.
    """
    shown = fidelity(points, metrics)[:_MOST_METRICS]
    figure = new_figure(PAGE, 2.9)
    panels = figure.subplots(1, len(shown) + 1, squeeze=False)[0]
    for axes, facts in zip(panels, shown, strict=False):
        # Dark is bad in every panel, whichever way the metric points.
        colours = "viridis" if facts.higher_is_better else "viridis_r"
        _draw(axes, points, facts.column, colours, facts.text)
        axes.set_title(f"{facts.heading}  {facts.arrow}")
    _draw(panels[-1], points, "reuse_share", "viridis", "{:.0%}".format)
    panels[-1].set_title("Module calls reused  ↑")
    panels[0].set_ylabel("high threshold (timestep)")
    for axes in panels:
        axes.set_xlabel("low threshold (timestep)")
    first = points.iloc[0]
    title(figure, f"{first['context']}; {first['rules_without']}. Grey: not measured.")
    return figure


def _draw(axes: Axes, points: pd.DataFrame, column: str, colours: str, text: object) -> None:
    table = points.pivot_table(column, "high", "low", "mean", dropna=False).sort_index()
    values = table.to_numpy(dtype=float)
    axes.set_facecolor(SHADE)
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colours, origin="lower", aspect="auto")
    axes.set_xticks(range(values.shape[1]), [f"{low:g}" for low in table.columns])
    axes.set_yticks(range(values.shape[0]), [f"{high:g}" for high in table.index])
    axes.spines[:].set_visible(False)
    if values.size > _MOST_WRITTEN:
        axes.figure.colorbar(image, ax=axes)
        return
    for (line, place), value in np.ndenumerate(values):
        if not np.isnan(value):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(
                place,
                line,
                text(value),  # type: ignore[operator]
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else INK,
            )
