"""The attention difference of every transformer block by itself, one panel per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.attention_difference import tensor_rows
from analysis.figures.attention_heatmap import groups
from analysis.figures.style import INK, PAGE, new_figure, styled, title, whole_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

_PER_ROW = 3


@styled
def attention_blocks(
    curves: pd.DataFrame, calls: int, tensor: str = "ungated", name: str = ""
) -> Figure:
    """One line per block (mean over videos), with the blocks' mean and median.

    The authors contradict each other on whether their curves average over blocks, so both are
    shown: late blocks may dominate the mean by orders of magnitude.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        tensor: "ungated" or "gated". A kind without a gate is shown ungated in both.
        name: the model, for the title.
    """
    from matplotlib.ticker import MaxNLocator

    parts = groups(tensor_rows(curves, tensor))
    columns = 2 if len(parts) in (2, 4) else min(len(parts), _PER_ROW)
    lines = -(-len(parts) // columns)
    figure = new_figure(PAGE, 0.8 + 1.75 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    colours = _colours(int(curves["block"].max()))
    for place, (axes, (heading, part)) in enumerate(zip(grid, parts.items(), strict=False)):
        _draw(axes, part, colours)
        axes.set_title(heading)
        axes.set(yscale="log", xlim=(-0.5, calls - 0.5))
        axes.grid(axis="y")
        whole_steps(axes)
        if place >= len(parts) - columns:
            axes.set_xlabel("denoising step")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("MSE to the previous step")
    for axes in grid[len(parts) :]:
        axes.set_visible(False)
    bar = figure.colorbar(colours, ax=list(grid), label="block", pad=0.01, aspect=30)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    title(figure, f"{name}{', ' if name else ''}{tensor} outputs, mean over prompts and seeds")
    return figure


def _colours(last: int) -> ScalarMappable:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(0, max(last, 1)))


def _draw(axes: Axes, rows: pd.DataFrame, colours: ScalarMappable) -> None:
    table = rows.pivot_table("mse", "step", "block", "mean")
    shown = table.where(table > 0)  # Nothing that is 0 has a place on a logarithmic axis.
    for block in shown:
        axes.plot(
            shown.index, shown[block], color=colours.to_rgba(np.array([block]))[0], linewidth=0.7
        )
    mean, median = table.mean(axis=1), table.median(axis=1)
    axes.plot(table.index, mean.where(mean > 0), color=INK, linewidth=1.5, label="mean of blocks")
    axes.plot(
        table.index,
        median.where(median > 0),
        color=INK,
        linestyle="--",
        linewidth=1.1,
        label="median of blocks",
    )
