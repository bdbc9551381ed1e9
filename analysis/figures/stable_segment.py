"""Where the stable segment of every kind begins and ends, on its curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.attention_difference import BAND, per_video, tensor_rows
from analysis.figures.style import (
    INK,
    KIND_COLOURS,
    KIND_NAMES,
    MUTED,
    PAGE,
    SHADE,
    new_figure,
    styled,
    timestep_axis,
    title,
    whole_steps,
)
from analysis.segments import segment_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def stable_segment(
    curves: pd.DataFrame,
    calls: int,
    segments: pd.DataFrame,
    name: str = "",
    tensor: str = "ungated",
) -> Figure:
    """One panel per kind: mean over videos and blocks, the segment found, and the paper's 15 %.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        segments: columns kind, verdict, first and last (steps, both in the segment), and the ends
            of their intervals as first_low, first_high, last_low, last_high; kinds without a
            segment are left out.
        name: the model, for the title.
        tensor: "ungated" or "gated": which one the segments were found on.
    """
    rows = tensor_rows(curves, tensor)
    kinds = [kind for kind in KIND_COLOURS if kind in set(rows["kind"])]
    columns = min(len(kinds), 2)
    lines = -(-len(kinds) // columns)
    figure = new_figure(PAGE, 0.7 + 1.8 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
    times = rows.drop_duplicates("step").sort_values("step").set_index("step")["timestep"]
    for place, (axes, kind) in enumerate(zip(grid, kinds, strict=False)):
        _shade_ends(axes, calls)
        _draw_curve(axes, rows[rows["kind"] == kind], KIND_COLOURS[kind])
        found = segments[segments["kind"] == kind].to_dict("records")
        heading = f"{KIND_NAMES[kind]}: no segment found"
        for segment in found:
            _draw_segment(axes, segment, KIND_COLOURS[kind])
            heading = f"{KIND_NAMES[kind]}: steps {segment['first']} to {segment['last']}"
            heading += f" ({segment['verdict']})"
        axes.set_title(heading)
        axes.set(yscale="log", xlim=(-0.5, calls - 0.5))
        axes.grid(axis="y")
        whole_steps(axes)
        if place < columns:
            timestep_axis(axes, list(times.index), [int(time) for time in times])
        if place >= len(kinds) - columns:
            axes.set_xlabel("denoising step")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("MSE to the previous step")
    for axes in grid[len(kinds) :]:
        axes.set_visible(False)
    title(
        figure,
        f"{name}{', ' if name else ''}{tensor} outputs, mean over blocks\nColoured: the stable "
        "segment by change points; bars: where 95 % of draws have its ends.",
    )
    return figure


def _draw_curve(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    values = per_video(rows, "mse")
    mean, low, high = values.mean(axis=1), *(values.quantile(q, axis=1) for q in BAND)
    if values.shape[1] > 1:
        axes.fill_between(
            mean.index, low, high, where=low > 0, color=colour, alpha=0.18, linewidth=0
        )
    # A difference of exactly 0 has no place on a logarithmic axis: the line has a hole there.
    axes.plot(mean.index, mean.where(mean > 0), color=colour)


def _draw_segment(axes: Axes, segment: dict[Any, Any], colour: str) -> None:
    first, last = segment["first"] - 0.5, segment["last"] + 0.5
    axes.axvspan(first, last, color=colour, alpha=0.10, zorder=0.5, linewidth=0)
    for name, at, side in (("first", first, -0.5), ("last", last, 0.5)):
        axes.axvline(at, color=INK, linestyle="--", linewidth=0.9)
        low, high = segment[f"{name}_low"] + side, segment[f"{name}_high"] + side
        if high > low:
            # Just inside the axis, so that it does not hide the curve.
            across = axes.get_xaxis_transform()
            axes.plot([low, high], [0.04, 0.04], color=INK, linewidth=2.2, transform=across)


def _shade_ends(axes: Axes, calls: int) -> None:
    for segment, text in (("first", "first\n15 %"), ("last", "last\n15 %")):
        steps = [step for step in range(calls) if segment_of(step, calls) == segment]
        low, high = steps[0] - 0.5, steps[-1] + 0.5
        axes.axvspan(low, high, color=SHADE, zorder=0, linewidth=0)
        axes.text(
            (low + high) / 2,
            0.97,
            text,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=6,
            color=MUTED,
        )
