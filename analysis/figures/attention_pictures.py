"""Where in the picture attention outputs change, at several stages of sampling (PAB, figure 4a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.errors import NothingToShow
from analysis.figures.style import KIND_COLOURS, KIND_NAMES, PAGE, new_figure, styled, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Maps = Mapping[str, npt.NDArray[Any]]
_CELL = 0.98
_SMALLEST_SHARE = 1e-3
"""Changes below this share of the largest have the colour of none."""


@styled
def attention_pictures(
    maps: Maps,
    timesteps: Sequence[int],
    frames: npt.NDArray[np.uint8] | None = None,
    name: str = "",
) -> Figure:
    """One row per kind and one column per stage, with one scale of colours for all.

    The middle one of the observed blocks and the middle frame are shown.

    Args:
        maps: `steps`, `blocks` and per group (blocks, steps, frames, height, width) in tokens, the
            mean over channels of |output - output of the step before|.
        timesteps: the scheduler's timestep of every call.
        frames: the video itself, uint8 (frames, height, width, 3), to see what is where.
        name: the model, for the title.
    """
    from matplotlib.colors import LogNorm

    found = {group: maps[group] for group in _groups(maps)}
    if not found:
        raise NothingToShow("no maps of attention differences")
    steps, blocks = maps["steps"].tolist(), maps["blocks"].tolist()
    block = len(blocks) // 2
    count, height, width = next(iter(found.values())).shape[2:]
    pictures = {group: table[block, :, count // 2] for group, table in found.items()}
    top = max(float(picture.max()) for picture in pictures.values())
    if not top > 0:
        raise NothingToShow("no output ever changes")
    lowest = min(float(p[p > 0].min()) for p in pictures.values() if (p > 0).any())
    norm = LogNorm(max(lowest, _SMALLEST_SHARE * top), top)

    columns = len(steps) + (frames is not None)
    cell_height = min(_CELL * height / width, 1.4)
    figure = new_figure(PAGE, 0.75 + (cell_height + 0.06) * len(pictures))
    grid = figure.subplots(len(pictures), columns, squeeze=False)
    for line, (group, picture) in zip(grid, pictures.items(), strict=True):
        cells = line if frames is None else line[1:]
        for axes, values in zip(cells, picture, strict=True):
            image = axes.imshow(values, norm=norm, interpolation="nearest")
            axes.set_facecolor(image.cmap(0.0))  # What is not above 0 has no logarithm.
            _bare(axes)
        cells[0].set_ylabel(_label(group, found), color=KIND_COLOURS[_kind(group)], weight="bold")
    for axes, step in zip(grid[0][columns - len(steps) :], steps, strict=True):
        axes.set_title(f"step {step}\nt = {timesteps[step]}", loc="center")
    if frames is not None:
        _show_frame([line[0] for line in grid], frames, count)
    figure.colorbar(
        image, ax=list(grid.ravel()), label="mean |change| of the output", pad=0.01, aspect=30
    )
    title(
        figure,
        f"{name}{', ' if name else ''}change to the step before, before the gate; block "
        f"{blocks[block]}, frame {count // 2} of {count} in latents",
    )
    return figure


def _groups(maps: Maps) -> list[str]:
    """The groups that have maps, in the order of the kinds."""
    known = [f"{kind}{branch}" for kind in KIND_NAMES for branch in ("", "_spatial", "_temporal")]
    return [group for group in known if group in maps]


def _kind(group: str) -> str:
    return group.partition("_")[0]


def _label(group: str, present: Maps) -> str:
    """The kind, with the branch of the transformer where there are several."""
    kind, _, branch = group.partition("_")
    several = sum(_kind(other) == kind for other in present) > 1
    return f"{KIND_NAMES[kind]}\n{branch or 'spatial'}" if several else KIND_NAMES[kind]


def _show_frame(column: Sequence[Axes], frames: npt.NDArray[np.uint8], count: int) -> None:
    """The frame that the pictures belong to, beside the first row."""
    place = round((count // 2) / max(count - 1, 1) * (len(frames) - 1))
    column[0].imshow(frames[place], interpolation="nearest")
    column[0].set_title(f"frame {place}\nof the video", loc="center")
    _bare(column[0])
    for axes in column[1:]:
        axes.set_visible(False)


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
