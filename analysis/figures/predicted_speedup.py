"""Predicted speedup against the number of ranks, with the paper's points beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.figures.assumptions import assumed_lines, left_out, room, write_under
from analysis.figures.style import ACCENT, FAULT, INK, MUTED, PAGE, new_figure, styled, title
from analysis.paper.parallel import GPUS, published_beside
from analysis.scaling_data import ScalingPoint, name_of, rows_of, with_reuse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 3
_LINES = {"baseline": ("DSP", MUTED, "o"), "with_plan": ("DSP with the method", ACCENT, "s")}


@styled
def predicted_speedup(points: Sequence[ScalingPoint]) -> Figure:
    """A panel for each model; bands are those of the links' latencies and bandwidths.

    Args:
        points: from `scaling_data.read_scaling`.
    """
    found = with_reuse(points)
    shown = found[:_MOST]
    lines = [
        "Frames split. Bands: from the best to the worst latency and bandwidth of each link. The "
        "paper's points are compared where one GPU took as long; figures 7, 9 and 10 have no "
        "printed digits.",
        *left_out(found, _MOST),
        *assumed_lines(shown),
    ]
    figure = new_figure(PAGE, 3.1 + room(lines, PAGE))
    title(figure, "Predicted speedup of one video")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, point in zip(panels, shown, strict=True):
        _draw(axes, point)
        axes.set_title("\n".join(name_of(point).rsplit(", ", 1)))
        axes.set_xlabel("ranks")
    panels[0].set_ylabel("speedup against one rank")
    handles: dict[str, Any] = {}
    for axes in panels:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=3)
    write_under(figure, lines)
    return figure


def _draw(axes: Axes, point: ScalingPoint) -> None:
    from matplotlib.ticker import NullLocator

    rows = rows_of(point, "dsp", "frames")
    ranks = [row["ranks"] for row in rows]
    axes.plot(ranks, ranks, ":", color=MUTED, linewidth=0.8, label="n")
    for key, (name, colour, marker) in _LINES.items():
        own = [row[key] for row in rows]
        low, high = ([row[f"speedup_{end}"] for row in own] for end in ("low", "high"))
        axes.fill_between(ranks, low, high, color=colour, alpha=0.3, linewidth=0)
        axes.plot(ranks, [r["speedup"] for r in own], marker=marker, color=colour, label=name)
    for found in published_beside(point):
        if found.method != "dsp":
            continue
        value = found.printed
        if found.unit == "s":
            value = point["one_rank"]["seconds"] / found.printed
        mark = "*" if found.item == "figure 1" else "x"
        colour = FAULT if found.with_plan else INK
        label = f"{found.item}{' with PAB' if found.with_plan else ''}, printed"
        axes.plot([GPUS], [value], mark, color=colour, markersize=7, label=label, zorder=5)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(ranks, [str(n) for n in ranks])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True)
