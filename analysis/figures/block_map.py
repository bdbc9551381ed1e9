"""Which blocks may reuse: quality and saving over ranges of blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.gap_by_kind import fidelity
from analysis.figures.quality_axis import off_scale
from analysis.figures.style import ACCENT, MUTED, PAGE, SHADE, new_figure, styled, title
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_METRICS = 3
_MOST_ROWS = 48


@styled
def block_map(points: pd.DataFrame, metrics: Mapping[str, MetricFacts]) -> Figure:
    """One line per range: the range itself, fidelity metrics with intervals, the reuse share.

    Args:
        points: from `comparisons.blocks`; of more than 48 ranges the first 48 are shown.
        metrics: the metrics by column.
    """
    points = points.drop_duplicates(["low", "high"]).sort_values(["low", "high"])
    rows = points.reset_index(drop=True).head(_MOST_ROWS)
    shown = fidelity(points, metrics)[:_MOST_METRICS]
    figure = new_figure(PAGE, 1.0 + 0.17 * len(rows))
    panels = figure.subplots(1, len(shown) + 1, squeeze=False, sharey=True)[0]
    _ranges(panels[0], rows)
    for axes, facts in zip(panels[1:], shown, strict=True):
        _dots(axes, rows, facts)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    panels[0].set_yticks(
        range(len(rows)),
        [f"{low}..{high}" for low, high in zip(rows["low"], rows["high"], strict=True)],
    )
    panels[0].set_ylabel("blocks that may reuse")
    of = f"; {len(rows)} of {len(points)} ranges" if len(rows) < len(points) else ""
    first = rows.iloc[0]
    title(figure, f"{first['context']}; {first['rules_without']}{of}. Bars: 95 % intervals.")
    return figure


def _ranges(axes: Axes, rows: pd.DataFrame) -> None:
    for place, row in rows.iterrows():
        axes.barh(place, row["high"] - row["low"] + 1, left=row["low"] - 0.5, color=ACCENT)
        if not pd.isna(row["reuse_share"]):
            axes.text(
                row["high"] + 0.7,
                place,
                f"{row['reuse_share']:.0%}",
                va="center",
                fontsize=6,
                color=MUTED,
            )
    axes.set_xlim(-0.5, rows["high"].max() + 2)
    axes.set_xlabel("block")
    axes.set_title("Range (share reused)")


def _dots(axes: Axes, rows: pd.DataFrame, metric: MetricFacts) -> None:
    name = metric.column
    known = rows[rows[name].notna() & ~off_scale(metric, rows[name])]
    for place in range(0, len(rows), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=SHADE, linewidth=0, zorder=0)
    axes.hlines(
        known.index,
        known[f"{name}_low"],
        known[f"{name}_high"],
        color=ACCENT,
        alpha=0.4,
        linewidth=2.4,
    )
    axes.plot(known[name], known.index, "o", color=ACCENT, markersize=3.5)
    axes.set_title(f"{metric.heading}  {metric.arrow}")
    axes.tick_params("y", length=0)
    axes.locator_params(axis="x", nbins=3)  # More numbers would run into each other.
