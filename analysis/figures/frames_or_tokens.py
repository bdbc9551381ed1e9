"""Splitting frames against splitting a frame's tokens, for the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.assumptions import assumed_lines, left_out, room, write_under
from analysis.figures.style import KIND_COLOURS, MUTED, PAGE, new_figure, styled, title
from analysis.scaling_data import ScalingPoint, name_of, rows_of, with_reuse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 3
_SPLITS = {
    "frames": (KIND_COLOURS["temporal"], "o", "frames split"),
    "tokens": (KIND_COLOURS["spatial"], "s", "tokens split"),
}


@styled
def frames_or_tokens(points: Sequence[ScalingPoint]) -> Figure:
    """Speedup over ranks, that is its share of perfect scaling, and padding below.

    Args:
        points: from `scaling_data.read_scaling`.
    """
    found = with_reuse(points)
    shown = found[:_MOST]
    lines = [
        "Efficiency: speedup against one rank without the method, over ranks x the gain of it on "
        "one rank. Padding: tokens computed over those needed. DSP.",
        *left_out(found, _MOST),
        *assumed_lines(shown),
    ]
    figure = new_figure(PAGE, 3.7 + room(lines, PAGE))
    title(figure, "Frames or tokens?")
    panels = figure.subplots(
        2, len(shown), squeeze=False, sharex="col", sharey="row", height_ratios=(3, 2)
    )
    for column, point in enumerate(shown):
        _draw(panels[0][column], panels[1][column], point)
        panels[0][column].set_title("\n".join(name_of(point).rsplit(", ", 1)))
        panels[1][column].set_xlabel("ranks")
    panels[0][0].set_ylabel("efficiency")
    panels[1][0].set_ylabel("padding factor")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    write_under(figure, lines)
    return figure


def _draw(efficiency: Axes, padding: Axes, point: ScalingPoint) -> None:
    from matplotlib.ticker import NullLocator

    for split, (colour, marker, name) in _SPLITS.items():
        rows = rows_of(point, "dsp", split)
        ranks = [row["ranks"] for row in rows]
        shares = [row["scaling"] / row["ranks"] for row in rows]
        efficiency.plot(ranks, shares, marker=marker, color=colour, label=name)
        padding.plot(ranks, [row["padding_factor"] for row in rows], marker=marker, color=colour)
    for axes in (efficiency, padding):
        axes.axhline(1, color=MUTED, linewidth=0.6, linestyle=":")
        axes.set_xscale("log", base=2)
        axes.set_xticks(ranks, [str(n) for n in ranks])
        axes.xaxis.set_minor_locator(NullLocator())
