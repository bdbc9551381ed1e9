"""What was decided while each video was sampled, and the numbers by which it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.selection import evenly
from analysis.figures.style import (
    ACCENT,
    INK,
    MUTED,
    PAGE,
    new_figure,
    styled,
    timestep_axis,
    title,
    whole_steps,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 4
_MOST_NAMED = 12  # More names of videos than that would not be readable.
_VIDEO = ["prompt", "seed", "lane"]


@styled
def decisions(plans: Mapping[str, Callable[[], pd.DataFrame]], name: str = "") -> Figure:
    """One row of panels per point: every video's decisions, and its numbers.

    Left, a line per video (and lane, where a step takes several calls) and a column per call: the
    share of attention and MLPs that did not compute. Right, the number by which the method decided
    at each call, a line per video, with a dot where everything computed.

    Args:
        plans: label -> reads the rows of plan.parquet of a point whose method decided while it
            sampled. Of more than four, four are taken, evenly spread.
        name: the model, for the title.
    """
    if not plans:
        raise NothingToShow("no method has decided while it sampled")
    shown = {label: plans[label]() for label in evenly(list(plans), MOST_POINTS)}
    videos = {label: len(plan[_VIDEO].drop_duplicates()) for label, plan in shown.items()}
    heights = [0.6 + 0.11 * min(n, 24) for n in videos.values()]
    figure = new_figure(PAGE, 0.9 + sum(max(h, 1.0) for h in heights))
    grid = figure.subplots(
        len(shown), 2, squeeze=False, sharex=True, height_ratios=[max(h, 1.0) for h in heights]
    )
    for (left, right), (label, plan) in zip(grid, shown.items(), strict=True):
        out = plan.groupby([*_VIDEO, "call"])["reuse"].mean().unstack("call")
        _draw_shares(left, out)
        left.set_ylabel(f"{label}\nvideo")
        _draw_numbers(right, plan, out)
    first = next(iter(shown.values())).drop_duplicates("call").sort_values("call")
    for axes, heading in zip(grid[0], ("what did not compute", "decided by"), strict=True):
        axes.set_title(heading, weight="bold")
        timestep_axis(axes, list(first["call"]), [int(t) for t in first["timestep"]], 3)
    for axes in grid[-1]:
        axes.set_xlabel("transformer call")
        whole_steps(axes)
    _legend(figure)
    of = f"; {len(shown)} of {len(plans)} points" if len(shown) < len(plans) else ""
    title(figure, f"{name}{of}")
    return figure


def _draw_shares(axes: Axes, out: pd.DataFrame) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    axes.spines[:].set_visible(False)
    axes.imshow(
        out.to_numpy(dtype=float),
        extent=(-0.5, out.shape[1] - 0.5, len(out) - 0.5, -0.5),
        aspect="auto",
        interpolation="nearest",
        cmap=LinearSegmentedColormap.from_list("decided", [ACCENT, "#DCEAF3"]),
        vmin=0,
        vmax=1,
    )
    if len(out) > _MOST_NAMED:
        axes.set_yticks([0, len(out) - 1])
        return
    lanes = out.index.get_level_values("lane").nunique()
    names = [
        f"{prompt}, seed {seed}" + (f", lane {lane}" if lanes > 1 else "")
        for prompt, seed, lane in out.index
    ]
    axes.set_yticks(range(len(out)), names)
    for edge in range(1, len(out)):
        axes.axhline(edge - 0.5, color="white", linewidth=0.5)


def _draw_numbers(axes: Axes, plan: pd.DataFrame, out: pd.DataFrame) -> None:
    gates = plan.groupby([*_VIDEO, "call"])["gate"].first().unstack("call").astype(float)
    if not gates.notna().to_numpy().any():
        axes.text(0.5, 0.5, "no numbers", transform=axes.transAxes, ha="center", va="center")
        return
    calls = gates.columns.to_numpy()
    for video, numbers in gates.iterrows():
        values = numbers.to_numpy()
        axes.plot(calls, values, color=MUTED, linewidth=0.7, alpha=0.8)
        computed = (out.loc[video].to_numpy() == 0) & np.isfinite(values)
        axes.plot(calls[computed], values[computed], ".", color=INK, markersize=3)
    if np.nanmin(gates) < 0 < np.nanmax(gates):
        axes.axhline(0, color=MUTED, linewidth=0.5, linestyle=":")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=ACCENT, label="all computed"),
        Patch(color="#DCEAF3", label="nothing computed"),
        Line2D([], [], color=INK, marker=".", linestyle="", label="number at a call that computed"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
