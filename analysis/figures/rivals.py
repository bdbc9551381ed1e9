"""Fronts of several methods: quality over what they gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import NothingToShow
from analysis.figures.style import INK, MUTED, PAGE, new_figure, styled
from analysis.metrics import MetricFacts
from analysis.rivals.entrants import AXES, Entrant, Rivals
from pab_bench.statistics import summarise
from pab_bench.statistics.fronts import one_draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
_TICKS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
_FOOT = (
    "Lines join the settings of a method that no other of its settings beats.{chosen}\nBars: 95 % "
    "intervals over prompts and seeds."
)
_CHOSEN = " Filled: published settings; hollow: our choice."
_NEAREST = 1e-6
_FINE = 60
"""Places at which a line is drawn."""
_NEAR_ONE = (0.5, 0.7, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9997, 0.9999)
_SPEED_FOOT = " Across: those of measured speedups."


@styled
def rivals_figure(rivals: Rivals, metrics: Mapping[str, MetricFacts]) -> Figure:
    """One panel per metric; gains on a logarithmic axis, better values up.

    Args:
        rivals: the methods.
        metrics: the metrics by column.

    Raises:
        NothingToShow: there is no metric that all settings have.
    """
    if not rivals.metrics:
        raise NothingToShow("no metric that all settings have")
    figure = new_figure(PAGE, 3.9)
    panels = figure.subplots(1, len(rivals.metrics), squeeze=False, sharex=True)[0]
    for axes, metric in zip(panels, rivals.metrics, strict=True):
        facts = metrics[metric]
        for number, (method, entrants) in enumerate(sorted(rivals.entrants.items())):
            look = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
            _draw(axes, method, entrants, facts, rivals.same, look)
        _axis(axes, rivals, facts)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6)
    known = [one.published is not None for own in rivals.entrants.values() for one in own]
    foot = _FOOT.format(chosen=_CHOSEN if all(known) else "")
    foot += _SPEED_FOOT if rivals.axis == "speedup" else ""
    figure.suptitle(f"{rivals.name}\n{foot}", x=0.01, ha="left", fontsize=7)
    return figure


def _draw(
    axes: Axes,
    method: str,
    entrants: Sequence[Entrant],
    facts: MetricFacts,
    same: Mapping[int, int],
    look: tuple[str, str],
) -> None:
    colour, marker = look
    own = sorted(entrants, key=lambda entrant: entrant.gain)
    found = [summarise(entrant.samples[facts.column], same=same) for entrant in own]
    means = [summary.mean or 0.0 for summary in found]
    gains = [entrant.gain for entrant in own]
    way = 1.0 if facts.higher_is_better else -1.0
    front = one_draw(gains, [way * mean for mean in means]).on_it()[:, 0]
    on_it = [place for place, is_on_it in enumerate(front) if is_on_it]
    # Straight over the logarithm of the gain, which it is not on a logarithmic axis of quality.
    logs = np.log([gains[p] for p in on_it])
    along = np.unique(np.concatenate([np.linspace(logs[0], logs[-1], _FINE), logs]))
    quality = np.interp(along, logs, [means[p] for p in on_it])
    axes.plot(np.exp(along), quality, "-", color=colour, linewidth=1.0, zorder=2)
    for place, entrant in enumerate(own):
        ends, across = found[place].mean_interval, entrant.gain_ends
        if ends is not None:
            bar = axes.vlines(gains[place], ends.low, ends.high, color=colour, zorder=3)
            bar.set(linewidth=0.7, alpha=0.55)
        if across is not None:
            bar = axes.hlines(means[place], *across, color=colour, zorder=3)
            bar.set(linewidth=0.7, alpha=0.55)
        filled = "white" if entrant.published is False else colour
        faint = 1.0 if front[place] else 0.45
        (dot,) = axes.plot(gains[place], means[place], marker, color=colour, mfc=filled, zorder=4)
        dot.set(markersize=4.5, alpha=faint)
    axes.plot([], [], f"{marker}-", color=colour, mfc=colour, ms=4.5, label=method)


def _axis(axes: Axes, rivals: Rivals, facts: MetricFacts) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    axes.set_xscale("log")
    gains = [entrant.gain for own in rivals.entrants.values() for entrant in own]
    low, high = min(gains) / 1.05, max(gains) * 1.05
    axes.set_xlim(low, high)
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    _quality_scale(axes, rivals, facts)
    if facts.higher_is_better is False:
        axes.invert_yaxis()
    axes.set_title(facts.heading, color=INK)
    axes.set_xlabel(AXES[rivals.axis], fontsize=7)
    axes.set_ylabel("better ↑", color=MUTED)
    axes.grid()


def _quality_scale(axes: Axes, rivals: Rivals, facts: MetricFacts) -> None:
    """Logarithmic towards a metric's best value, near which mild settings would lie on a heap."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    values = [
        value
        for own in rivals.entrants.values()
        for one in own
        for value in one.samples[facts.column].values()
    ]
    if facts.column == "lpips" and min(values) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    elif facts.column == "ssim" and max(values) < 1:
        axes.set_yscale(
            "function",
            functions=(
                lambda own: -np.log10(np.maximum(1 - np.asarray(own), _NEAREST)),
                lambda own: 1 - 10.0 ** -np.asarray(own),
            ),
        )
        axes.yaxis.set_major_locator(FixedLocator(_NEAR_ONE))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        # Matplotlib's margins do not know this scale.
        axes.set_ylim(min(values), 1 - (1 - max(values)) / 2)
