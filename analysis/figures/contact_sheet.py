"""Frames of the baseline and of each variant, with where and how much they differ."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis.errors import NothingToShow
from analysis.figures.selection import evenly
from analysis.figures.style import PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Frames = npt.NDArray[np.uint8]
MOST_COLUMNS = 8
MOST_VARIANTS = 4
_LONGEST = 14
"""Letters of a variant's name beside its frames."""
_FACTORS = (32, 16, 8, 4, 2, 1)


@styled
def contact_sheet(
    baseline: Frames, variants: Mapping[str, Callable[[], Frames]], caption: str
) -> Figure:
    """Rows: the baseline, then each variant and its amplified absolute difference.

    Args:
        baseline: uint8, (frames, height, width, 3).
        variants: label -> reads frames of the same shape; of more than four, four are taken.
        caption: the prompt, as title.
    """
    if not variants:
        raise NothingToShow("no variant to compare with the baseline")
    shown = {label: variants[label]() for label in evenly(list(variants), MOST_VARIANTS)}
    for label, frames in shown.items():
        if frames.shape != baseline.shape:
            raise ValueError(f"{label}: shape {baseline.shape} expected, got {frames.shape}")
    differences = {label: difference(baseline, frames) for label, frames in shown.items()}
    factor = amplification(list(differences.values()))
    lines: dict[str, Frames] = {"baseline": baseline}
    for label, frames in shown.items():
        name = textwrap.fill(label, _LONGEST)
        lines[name] = frames
        amplified = np.minimum(differences[label].astype(np.int64) * factor, 255)
        lines[f"{name}\n|diff| \N{MULTIPLICATION SIGN} {factor}"] = amplified.astype(np.uint8)
    columns = evenly(range(len(baseline)), MOST_COLUMNS)
    heading = textwrap.fill(caption, 105)
    if len(shown) < len(variants):
        heading += f"\n({len(shown)} of {len(variants)} variants)"
    return _sheet(lines, columns, heading)


def amplification(differences: list[Frames]) -> int:
    """The largest factor that drives at most one value in a thousand beyond white."""
    top = max(float(np.quantile(difference, 0.999)) for difference in differences)
    return next(factor for factor in _FACTORS if top * factor <= 255)


def difference(ours: Frames, theirs: Frames) -> Frames:
    """The absolute difference of two videos."""
    # Unsigned bytes would wrap around.
    return np.abs(ours.astype(np.int16) - theirs.astype(np.int16)).astype(np.uint8)


def _sheet(lines: Mapping[str, Frames], columns: list[int], heading: str) -> Figure:
    height, width = next(iter(lines.values())).shape[1:3]
    left, gap = 0.95, 0.03
    cell = (PAGE - left) / len(columns) - gap
    cell_height = min(cell * height / width, 1.6)
    top = 0.27 + 0.14 * (heading.count("\n") + 1)
    total = top + len(lines) * (cell_height + gap)
    figure = new_figure(PAGE, total)
    figure.set_layout_engine(None)
    # One pair of axes in inches, from the top: a pair for every frame would take longer to draw.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, PAGE), ylim=(total, 0), autoscale_on=False)
    axes.axis("off")
    for line, (label, frames) in enumerate(lines.items()):
        above = top + line * (cell_height + gap)
        below = above + cell_height
        middle = (above + below) / 2
        axes.text(left - 0.08, middle, label, ha="right", va="center", fontsize=7, linespacing=1.3)
        for place, frame in enumerate(columns):
            x = left + place * (cell + gap)
            axes.imshow(
                frames[frame],
                interpolation="nearest",
                aspect="auto",
                extent=(x, x + cell, below, above),
            )
            if line == 0:
                axes.text(x + cell / 2, above - 0.03, f"frame {frame}", ha="center", fontsize=6.5)
    axes.text(0.01 * PAGE, 0.08, heading, ha="left", va="top", fontsize=8.5)
    return figure
