"""Quality against speedup, with the points that no other point beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.job_axis import finished, job_labels
from analysis.figures.point_labels import label_points
from analysis.figures.quality_axis import draw_off_scale, off_scale
from analysis.figures.selection import evenly
from analysis.figures.speed_marks import draw_faults, draw_intervals
from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled
from analysis.metrics import MetricFacts
from analysis.pareto import pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NAMES = 6  # With more points, job numbers stand in for names.
_MOST_KEYED = 40  # With more still, only the points of the front are named.
_MOST_PANELS = 3


@styled
def trade_off(
    summary: pd.DataFrame, swept: Sequence[str], metrics: Mapping[str, MetricFacts]
) -> Figure:
    """One panel per fidelity metric, at most three; the Pareto front is joined by a line.

    Bars are the intervals of speedups.

    Args:
        summary: the sweep's summary.
        swept: its columns of swept keys, used where rules alone do not name a point.
        metrics: the metrics by column; one without a direction is left out, and so is one that
            does not compare with the baseline.
    """
    rows = finished(summary)
    rows = rows.assign(label=job_labels(rows, swept))
    usable = [
        name
        for name, facts in metrics.items()
        if facts.higher_is_better is not None
        and facts.needs_reference
        and (rows[name].notna() & rows["speedup"].notna()).any()
    ][:_MOST_PANELS]
    if rows["speedup"].isna().all():
        raise NothingToShow("no point has a speedup; the summary's notes say why")
    if not usable:
        raise NothingToShow("no point has both a speedup and a quality value")
    figure = new_figure(PAGE, 2.8)
    panels = figure.subplots(1, len(usable), squeeze=False, sharex=True)[0]
    placed = []
    for axes, metric in zip(panels, usable, strict=True):
        points = rows[rows[metric].notna() & rows["speedup"].notna()]
        beyond = off_scale(metrics[metric], points[metric])
        facts = metrics[metric]
        front = _draw(axes, points, facts, beyond)
        axes.set_title(facts.direction.replace(" is better", ""))
        axes.set_ylabel(facts.heading)
        some = front.iloc[evenly(range(len(front)), _MOST_NAMES)]
        named = some if len(rows) > _MOST_KEYED else points[~beyond]
        placed.append((axes, named, metric))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(handles))
    column = "label"
    if len(rows) > _MOST_NAMES:
        if len(rows) <= _MOST_KEYED:
            _key(figure, rows)
        column = "job"
    for axes, points, metric in placed:
        places = list(zip(points["speedup"], points[metric], strict=True))
        label_points(axes, places, [str(name) for name in points[column]])
    return figure


def _key(figure: Figure, rows: pd.DataFrame) -> None:
    """What the job numbers in the panels stand for."""
    from matplotlib.lines import Line2D

    names = [f"{job}:  {label}" for job, label in zip(rows["job"], rows["label"], strict=True)]
    columns = 4 if max(map(len, names)) < 32 else 2
    figure.legend(
        [Line2D([], [], linestyle="none") for _ in names],
        names,
        loc="outside lower center",
        ncols=columns,
        handlelength=0,
        title="job",
        title_fontsize=7,
        fontsize=6.5,
    )
    # The key needs room of its own, so that the panels keep theirs.
    figure.set_figheight(figure.get_figheight() + 0.15 + 0.16 * -(-len(names) // columns))


def _draw(axes: Axes, points: pd.DataFrame, facts: MetricFacts, beyond: pd.Series) -> pd.DataFrame:
    """Draw the points and the front; returns the rows of the front that are drawn."""
    shown = points[~beyond].reset_index(drop=True)
    metric, sign = facts.column, 1 if facts.higher_is_better else -1
    # The front is that of all points; those above the axis are only not drawn on it.
    front = points.iloc[pareto_front(list(points["speedup"]), list(sign * points[metric]))]
    front = front[~beyond.loc[front.index]]
    axes.plot(
        shown["speedup"],
        shown[metric],
        "o",
        color=MUTED,
        mfc="white",
        label="beaten by another point",
    )
    axes.plot(front["speedup"], front[metric], "o-", color=ACCENT, label="Pareto front")
    draw_intervals(axes, shown, across=metric, along="x", colour=INK)
    draw_faults(axes, shown, across=metric, along="x")
    axes.set_xlabel("speedup  → faster")
    axes.grid()
    axes.margins(x=0.2, y=0.18)
    draw_off_scale(axes, points["speedup"][beyond], facts)
    return front
