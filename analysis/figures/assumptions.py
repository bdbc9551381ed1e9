"""What a predicted number rests on, written under every figure that shows one."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.style import INK
from analysis.scaling_data import ScalingPoint, name_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = 5.6
_LETTERS_AN_INCH = 23.5
_LINE = 0.098
"""Inches of a line of that size."""


def assumed_lines(points: Sequence[ScalingPoint]) -> list[str]:
    """Assumptions of all points together, then those in which they differ, by point.

    Args:
        points: predictions.
    """
    several = len(points) > 1
    shared = [
        line
        for line in points[0]["assumptions"]
        if all(line in point["assumptions"] for point in points)
    ]
    lines = [f"Assumed: {'; '.join(shared)}."] if shared else []
    for point in points:
        own = [line for line in point["assumptions"] if line not in shared]
        if own:
            name = f"{name_of(point)}: " if several else "Assumed: "
            lines.append(f"{name}{'; '.join(own)}.")
    return lines


def left_out(points: Sequence[ScalingPoint], most: int) -> list[str]:
    """What is not shown where there are too many points."""
    return [f"Shown: the first {most} of {len(points)} points."] if len(points) > most else []


def wrapped(lines: Sequence[str], width: float) -> str:
    """The lines, broken where a figure of that width in inches ends."""
    letters = int(width * _LETTERS_AN_INCH)
    return "\n".join(part for line in lines for part in textwrap.wrap(line, letters))


def room(lines: Sequence[str], width: float) -> float:
    """Inches that the lines take under a figure of that width."""
    return _LINE * (wrapped(lines, width).count("\n") + 2)


def write_under(figure: Figure, lines: Sequence[str]) -> None:
    """Write lines below all axes of a figure, small and over its whole width."""
    text = wrapped(lines, figure.get_size_inches()[0])
    figure.supxlabel(text, x=0.01, ha="left", fontsize=_SIZE, color=INK, linespacing=1.25)
