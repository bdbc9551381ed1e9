"""Which calls and blocks compute and which reuse (PAB, figure 5, as data)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.selection import evenly
from analysis.figures.style import (
    INK,
    KIND_COLOURS,
    KIND_NAMES,
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
_MOST_LINED = 8  # Lines between more blocks than that would hide them.


@styled
def schedule(plans: Mapping[str, Callable[[], pd.DataFrame]], name: str = "") -> Figure:
    """One row of panels per point, one column per kind that some point reuses.

    Args:
        plans: label -> reads the rows of plan.parquet of a point that reuses something. Of more
            than four, four are taken, evenly spread. Where videos differ, colours lie between the
            two by the share of videos (and lanes) that reuse.
        name: the model, for the title.
    """
    if not plans:
        raise NothingToShow("no point reuses anything")
    shown = {label: plans[label]() for label in evenly(list(plans), MOST_POINTS)}
    present = groups(pd.concat(shown.values()))
    figure = new_figure(PAGE, 1.15 + 0.95 * len(shown))
    grid = figure.subplots(len(shown), len(present), squeeze=False, sharex=True, sharey=True)
    for row, (label, plan) in zip(grid, shown.items(), strict=True):
        for axes, group in zip(row, present, strict=True):
            _draw(axes, plan, group)
        row[0].set_ylabel(f"{label}\nblock")
    for axes, (kind, branch) in zip(grid[0], present, strict=True):
        axes.set_title(heading(kind, branch, present), color=KIND_COLOURS[kind], weight="bold")
        times = next(iter(shown.values())).drop_duplicates("call").sort_values("call")
        timestep_axis(axes, list(times["call"]), [int(t) for t in times["timestep"]], 3)
    for axes in grid[-1]:
        axes.set_xlabel("transformer call")
        whole_steps(axes)
    videos = max(videos_of(plan) for plan in shown.values())
    _legend(figure, videos)
    of = f"; {len(shown)} of {len(plans)} points" if len(shown) < len(plans) else ""
    title(figure, f"{name}{of}")
    return figure


def groups(plans: pd.DataFrame) -> list[tuple[str, str]]:
    """Kind and branch of the module groups that some plan reuses, in the order of the kinds."""
    reused = plans[plans["reuse"]][["kind", "branch"]].drop_duplicates()
    present = set(reused.itertuples(index=False, name=None))
    return [(k, b) for k in KIND_NAMES for b in ("spatial", "temporal") if (k, b) in present]


def shares(plan: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(blocks, calls): the share of videos and lanes in which a site reuses, of rows of a group."""
    found: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (
        plan.astype({"reuse": float}).pivot_table("reuse", "block", "call", "mean").to_numpy()
    )
    return found


def videos_of(plan: pd.DataFrame) -> int:
    """How many videos, each with all its lanes, have rows of their own; 1 where all are alike."""
    return len(plan[["prompt", "seed", "lane"]].drop_duplicates()) if "lane" in plan else 1


def heading(kind: str, branch: str, present: list[tuple[str, str]]) -> str:
    """The group's name: the kind, with the branch where there are several."""
    several = sum(other == kind for other, _ in present) > 1
    return f"{KIND_NAMES[kind]}, {branch}" if several else KIND_NAMES[kind]


def _draw(axes: Axes, plan: pd.DataFrame, group: tuple[str, str]) -> None:
    from matplotlib.colors import to_rgb

    part = plan[(plan["kind"] == group[0]) & (plan["branch"] == group[1])]
    axes.spines[:].set_visible(False)
    if part.empty:
        axes.text(0.5, 0.5, "no such module", transform=axes.transAxes, ha="center", va="center")
        return
    reuse = shares(part)
    colour = np.array(to_rgb(KIND_COLOURS[group[0]]))
    pale = 1 - 0.22 * (1 - colour)
    depth, calls = reuse.shape
    axes.imshow(
        colour + reuse[..., None] * (pale - colour),
        extent=(-0.5, calls - 0.5, -0.5, depth - 0.5),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    if depth <= _MOST_LINED:
        for edge in range(1, depth):
            axes.axhline(edge - 0.5, color="white", linewidth=0.5)
    axes.set_yticks([0, depth - 1] if depth > 1 else [0])


def _legend(figure: Figure, videos: int) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=INK, label="computed"), Patch(color="#D3D3D3", label="reused")]
    if videos > 1:
        label = f"between: by the share of up to {videos} videos and lanes"
        handles.append(Patch(color=MUTED, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
