"""Where in depth and time the outputs change: block by step, one panel per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.attention_difference import tensor_rows
from analysis.figures.style import (
    KIND_NAMES,
    PAGE,
    new_figure,
    styled,
    timestep_axis,
    title,
    whole_steps,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PER_ROW = 3


@styled
def attention_heatmap(
    curves: pd.DataFrame, calls: int, tensor: str = "ungated", name: str = ""
) -> Figure:
    """The MSE to the previous step per block and step, mean over prompts and seeds.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        tensor: "ungated" or "gated". A kind without a gate is shown ungated in both.
        name: the model, for the title.
    """
    from matplotlib.colors import LogNorm

    rows = tensor_rows(curves, tensor)
    tables = {
        heading: _positive(part.pivot_table("mse", "block", "step", "mean"))
        for heading, part in groups(rows).items()
    }
    if all(table.isna().all(axis=None) for table in tables.values()):
        raise NothingToShow("no output ever changes")
    columns = 2 if len(tables) in (2, 4) else min(len(tables), _PER_ROW)
    lines = -(-len(tables) // columns)
    figure = new_figure(PAGE, 0.5 + 1.75 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    low = np.nanmin([table.min(axis=None) for table in tables.values()])
    high = np.nanmax([table.max(axis=None) for table in tables.values()])
    norm = LogNorm(low, high if high > low else low * 10)
    times = rows.drop_duplicates("step").sort_values("step")
    for place, (axes, (heading, table)) in enumerate(zip(grid, tables.items(), strict=False)):
        steps, blocks = list(table.columns), list(table.index)
        table = table.reindex(index=range(blocks[-1] + 1), columns=range(steps[0], steps[-1] + 1))
        extent = (steps[0] - 0.5, steps[-1] + 0.5, -0.5, blocks[-1] + 0.5)
        image = axes.imshow(
            table.to_numpy(),
            norm=norm,
            extent=extent,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
        )
        axes.set_title(heading)
        axes.set_xlim(-0.5, calls - 0.5)
        whole_steps(axes)
        axes.set_yticks(range(0, blocks[-1] + 1, max(1, -(-(blocks[-1] + 1) // 7))))
        if place < columns:
            timestep_axis(axes, list(times["step"]), [int(t) for t in times["timestep"]])
        if place >= len(tables) - columns:
            axes.set_xlabel("denoising step")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("block")
    for axes in grid[len(tables) :]:
        axes.set_visible(False)
    figure.colorbar(image, ax=list(grid), label="MSE to the previous step", pad=0.01, aspect=30)
    title(figure, f"{name}{', ' if name else ''}{tensor} outputs, mean over prompts and seeds")
    return figure


def _positive(table: pd.DataFrame) -> pd.DataFrame:
    """The table with holes where nothing changes: a logarithmic scale has no colour for 0."""
    return table.where(table > 0)


def groups(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows per kind; kinds that occur in both branches of the transformer are told apart."""
    groups = {}
    for kind, name in KIND_NAMES.items():
        part = rows[rows["kind"] == kind]
        branches = sorted(part["branch"].unique())
        for branch in branches:
            heading = f"{name} ({branch} blocks)" if len(branches) > 1 else name
            groups[heading] = part[part["branch"] == branch]
    return groups
