"""Frames as players show them: turned and mirrored as a video's display matrix says."""

from __future__ import annotations

from collections.abc import Sequence

from pab_bench.metrics.base import Frames


def turn(frame: Frames, matrix: Sequence[int]) -> Frames | None:
    """Turn a frame by quarters of a circle, and mirror it.

    Args:
        frame: shape (height, width, 3).
        matrix: the nine numbers a b u, c d v, x y w of the display matrix: a point (x, y) is shown
            at (a x + c y, b x + d y).

    Returns:
        A view of shape (height, width, 3) or (width, height, 3); None for other angles.
    """
    a, b, _, c, d, *_ = matrix
    if a and d and not (b or c):
        return frame[:: _sign(d), :: _sign(a)]
    if b and c and not (a or d):
        return frame.swapaxes(0, 1)[:: _sign(b), :: _sign(c)]
    return None


def _sign(number: int) -> int:
    return 1 if number > 0 else -1
