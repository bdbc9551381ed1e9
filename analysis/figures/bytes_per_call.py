"""Bytes that leave a rank in one call of the transformer, against the number of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.assumptions import left_out, room, write_under
from analysis.figures.style import ACCENT, INK, PAGE, new_figure, styled, title
from analysis.scaling_data import GIGA, WAY_NAMES, ScalingPoint, name_of, rows_of, with_reuse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 3
_PARTS = {
    "needed": ("attention", ACCENT),
    "padding": ("padding of it", "#56B4E9"),
    "hidden": ("gather of hidden states", "#D9D9D9"),
}
_NOTE = (
    "GB = 10^9 bytes that leave a rank in a call in which everything is computed: exchanges of the "
    "attention across the split dimension, the padding in them, and the gather of hidden states at "
    "the end of the call, in whose place outputs can be gathered (white mark). Black mark: "
    "exchanges of a mean call with the method. From shapes and plan; nothing is assumed of time. "
)


@styled
def bytes_per_call(points: Sequence[ScalingPoint]) -> Figure:
    """A panel for each way of splitting, a row for each model.

    Args:
        points: from `scaling_data.read_scaling`.
    """
    found = with_reuse(points)
    shown = found[:_MOST]
    settings = "; ".join(_setting(point) for point in shown)
    notes = [f"{_NOTE}Shown: {settings}.", *left_out(found, _MOST)]
    figure = new_figure(PAGE, 0.6 + 1.45 * len(shown) + room(notes, PAGE))
    title(figure, "Bytes of one call")
    panels = figure.subplots(len(shown), len(WAY_NAMES), squeeze=False, sharex=False)
    for line, point in zip(panels, shown, strict=True):
        for axes, way in zip(line, WAY_NAMES, strict=True):
            _draw(axes, point, way)
        line[0].set_ylabel(f"{point['model']}\nGB of each rank")
    for axes, name in zip(panels[0], WAY_NAMES.values(), strict=True):
        axes.set_title(name)
    for axes in panels[-1]:
        axes.set_xlabel("ranks")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=5)
    write_under(figure, notes)
    return figure


def _setting(point: ScalingPoint) -> str:
    own = point["activation"]
    return (
        f"{name_of(point)} ({own['tokens']} tokens a frame, width {own['width']}, "
        f"{8 * own['bytes_per_number']} bits, batch {own['rows']})"
    )


def _draw(axes: Axes, point: ScalingPoint, way: tuple[str, str]) -> None:
    rows = [row for row in rows_of(point, *way) if row["ranks"] > 1]
    places = list(range(len(rows)))
    bottom = [0.0] * len(rows)
    for part, (name, colour) in _PARTS.items():
        values = [row["bytes_per_call"][part] / GIGA for row in rows]
        axes.bar(places, values, bottom=bottom, color=colour, width=0.7, label=name)
        if part == "padding":
            gathers = [
                below + value + row["bytes_per_call"]["output"] / GIGA
                for below, value, row in zip(bottom, values, rows, strict=True)
            ]
        bottom = [below + value for below, value in zip(bottom, values, strict=True)]
    axes.plot(places, gathers, "_", color="white", markersize=9, markeredgewidth=1.2)
    means = [row["bytes_per_call"]["with_plan"] / GIGA for row in rows]
    axes.plot(places, means, "_", color=INK, markersize=9, label="mean call with the method")
    axes.set_xticks(places, [str(row["ranks"]) for row in rows])
