"""What a predicted speedup is made of: the method's on one rank, and scaling, in its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.figures.assumptions import assumed_lines, left_out, room, write_under
from analysis.figures.style import ACCENT, MUTED, PAGE, new_figure, styled, title
from analysis.scaling_data import ScalingPoint, name_of, rows_of, with_reuse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 3
_PARTS = {
    "serial": ("does not divide", "#CC79A7"),
    "computing": ("computing", ACCENT),
    "padding": ("padding", "#56B4E9"),
    "exchanges": ("exchanges", "#D55E00"),
    "gathering": ("gather", MUTED),
}


@styled
def speedup_parts(points: Sequence[ScalingPoint]) -> Figure:
    """Rank-seconds of one video on one rank and on those of a node, with and without the method.

    Args:
        points: from `scaling_data.read_scaling`.
    """
    found = with_reuse(points)
    shown = found[:_MOST]
    lines = [
        "Rank-seconds: seconds times ranks, so that perfect scaling keeps the length of a bar. DSP "
        "with frames split. Speedup = gain of the method on one rank x scaling of the method.",
        *left_out(found, _MOST),
        *assumed_lines(shown),
    ]
    figure = new_figure(PAGE, 0.7 + 1.5 * len(shown) + room(lines, PAGE))
    title(figure, "What the speedup is made of")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, point in zip(panels, shown, strict=True):
        _draw(axes, point)
    panels[-1].set_xlabel("rank-seconds of one video")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=5)
    write_under(figure, lines)
    return figure


def _draw(axes: Axes, point: ScalingPoint) -> None:
    rows = rows_of(point, "dsp", "frames")
    node = point["links"]["per_node"]
    row = next(r for r in reversed(rows) if r["ranks"] <= node)
    n = row["ranks"]
    one = point["one_rank"]
    bars: dict[str, Mapping[str, Any]] = {
        "1 rank": _alone(one["seconds"], one["serial"]),
        "1 rank, method": _alone(one["method_seconds"], one["serial"]),
        f"{n} ranks": row["baseline"],
        f"{n} ranks, method": row["with_plan"],
    }
    times = [1, 1, n, n]
    left = [0.0] * len(bars)
    for part, (name, colour) in _PARTS.items():
        values = [bar[part] * own for bar, own in zip(bars.values(), times, strict=True)]
        axes.barh(range(len(bars)), values, left=left, color=colour, height=0.65, label=name)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set_yticks(range(len(bars)), list(bars))
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1.03 * max(left))
    share = row["communication_share"]
    saved = ""
    if share is not None:
        saved = (
            f"; saved on {n} ranks: {row['saved_computing']:.2f} s computing and "
            f"{row['saved_communication']:.2f} s communication ({share:.0%})"
        )
    product = f"{row['speedup']:.2f} = {row['gain']:.3f} x {row['scaling']:.2f}"
    axes.set_title(f"{name_of(point)}\nspeedup {product}{saved}")
    axes.tick_params("y", length=0)


def _alone(seconds: float, serial: float) -> dict[str, float]:
    nothing = dict.fromkeys(_PARTS, 0.0)
    return {**nothing, "serial": serial, "computing": seconds - serial}
