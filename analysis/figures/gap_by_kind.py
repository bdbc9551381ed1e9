"""Which kind bears which gap: quality over the gap of one kind alone (PAB, figure 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.quality_axis import off_scale
from analysis.figures.style import (
    KIND_COLOURS,
    KIND_MARKERS,
    KIND_NAMES,
    MUTED,
    PAGE,
    new_figure,
    styled,
    title,
)
from analysis.metrics import MetricFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ROWS = 3
_MOST_METRICS = 3
_MLP_HALVES = {"mlp_spatial": "mlp", "mlp_temporal": "mlp"}
HALF_NAMES = {"mlp_spatial": "MLP, spatial blocks", "mlp_temporal": "MLP, temporal blocks"}
_SHIFT = 0.06  # Intervals of kinds at the same gap stand side by side.


@styled
def gap_by_kind(points: pd.DataFrame, metrics: Mapping[str, MetricFacts]) -> Figure:
    """One line per kind with 95 % intervals; a row of panels per model and sampling.

    Args:
        points: from `comparisons.gaps`.
        metrics: the metrics by column; the first three that compare with the baseline are shown.
    """
    shown = fidelity(points, metrics)[:_MOST_METRICS]
    contexts = list(points["context"].unique())[:_MOST_ROWS]
    figure = new_figure(PAGE, 0.7 + 1.9 * len(contexts))
    grid = figure.subplots(len(contexts), len(shown), squeeze=False, sharex=True)
    for line, context in zip(grid, contexts, strict=True):
        part = points[points["context"] == context]
        for axes, facts in zip(line, shown, strict=True):
            _draw(axes, part, facts)
        if len(contexts) > 1:
            line[0].set_title(context)
    for axes in grid[-1]:
        axes.set_xlabel("gap (steps)")
    handles: dict[str, Any] = {}
    for axes in grid.ravel():
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    context = f"{contexts[0]}\n" if len(contexts) == 1 else ""
    title(figure, f"{context}One kind reuses, the others compute. Bars: 95 % intervals.")
    return figure


def fidelity(points: pd.DataFrame, metrics: Mapping[str, MetricFacts]) -> list[MetricFacts]:
    """The metrics that compare with the baseline and have a value.

    Raises:
        NothingToShow: there are none.
    """
    found = [
        facts
        for name, facts in metrics.items()
        if facts.needs_reference and facts.higher_is_better is not None
        if points[name].notna().any()
    ]
    if not found:
        raise NothingToShow("no metric that compares with the baseline has a value")
    return found


def _draw(axes: Axes, points: pd.DataFrame, metric: MetricFacts) -> None:
    name = metric.column
    kinds = sorted(points["kind"].unique(), key=[*KIND_NAMES, *_MLP_HALVES].index)
    for place, kind in enumerate(kinds):
        rows = points[(points["kind"] == kind) & points[name].notna()].sort_values("gap")
        rows = rows[~off_scale(metric, rows[name])]
        family = _MLP_HALVES.get(kind, kind)
        x = rows["gap"] + _SHIFT * (place - (len(kinds) - 1) / 2)
        axes.plot(
            x,
            rows[name],
            marker=KIND_MARKERS[family],
            linestyle="--" if kind == "mlp_temporal" else "-",
            color=KIND_COLOURS[family],
            label=HALF_NAMES.get(kind) or KIND_NAMES[kind],
        )
        axes.vlines(
            x, rows[f"{name}_low"], rows[f"{name}_high"], color=KIND_COLOURS[family], linewidth=1
        )
    axes.set_ylabel(metric.heading)
    axes.text(
        0.98,
        0.97,
        f"{metric.arrow} better",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=6.5,
        color=MUTED,
    )
    axes.set_xticks(sorted(points["gap"].unique()))
    axes.margins(x=0.1, y=0.12)
    axes.grid(axis="y")
