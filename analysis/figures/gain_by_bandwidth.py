"""What reuse brings on the ranks of a node, against the bandwidth between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.errors import NothingToShow
from analysis.figures.assumptions import assumed_lines, left_out, room, write_under
from analysis.figures.style import MUTED, PAGE, new_figure, styled, title
from analysis.scaling_data import GIGA, WAY_NAMES, ScalingPoint, name_of, with_reuse
from pab_bench.parallel.link import LINKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 3
_COLOURS = dict(zip(WAY_NAMES, ("#0072B2", "#56B4E9", "#D55E00", "#CC79A7"), strict=True))
_MARKS = dict(zip(WAY_NAMES, "osD^", strict=True))


@styled
def gain_by_bandwidth(points: Sequence[ScalingPoint]) -> Figure:
    """The speedup by reuse, and which share of what it saves is communication.

    Args:
        points: from `scaling_data.read_scaling`.
    """
    found = [point for point in with_reuse(points) if point["bandwidths"]]
    shown = found[:_MOST]
    if not shown:
        raise NothingToShow("no predictions for more than one rank of a node")
    lines = [
        "Gain: seconds without the method over those with it, on the same ranks. The bandwidth is "
        "varied, the latency is that of the link within a node; dashed: presets; dotted: the gain "
        "on one rank.",
        *left_out(found, _MOST),
        *assumed_lines(shown),
    ]
    figure = new_figure(PAGE, 0.7 + 1.9 * len(shown) + room(lines, PAGE))
    title(figure, "What reuse brings, by bandwidth")
    panels = figure.subplots(len(shown), 2, squeeze=False, sharex=True)
    for (gain, share), point in zip(panels, shown, strict=True):
        _draw(gain, point, "relative_gain")
        gain.axhline(point["one_rank"]["gain"], linestyle=":", color=MUTED, linewidth=0.8)
        gain.set_ylabel("gain")
        gain.set_title(f"{name_of(point)}; {point['bandwidths']['ranks']} ranks")
        _draw(share, point, "communication_share", 100)
        share.set_ylabel("% of what is saved")
        share.set_title("of which communication")
        share.set_ylim(0, 100)
    for axes in panels[-1]:
        axes.set_xlabel("GB/s of each rank and direction")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=4)
    write_under(figure, lines)
    return figure


def _draw(axes: Axes, point: ScalingPoint, column: str, factor: float = 1) -> None:
    found: Mapping[str, Any] = point["bandwidths"]
    for way in found["ways"]:
        key = way["method"], way["split"]
        known = [(x, r[column]) for x, r in zip(found["gb_s"], way["rows"], strict=True) if r]
        known = [(x, factor * y) for x, y in known if y is not None]
        if known:
            axes.plot(
                *zip(*known, strict=True),
                marker=_MARKS[key],
                color=_COLOURS[key],
                label=WAY_NAMES[key],
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    for name in ("pcie5", "nvlink"):
        place = LINKS[name].bandwidth / GIGA
        axes.axvline(place, color=MUTED, linewidth=0.6, linestyle="--")
        axes.text(
            place, 0.98, f" {name}", fontsize=6, va="top", transform=axes.get_xaxis_transform()
        )
