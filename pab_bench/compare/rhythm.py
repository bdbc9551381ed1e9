"""Frames that are shown for different times, as frames of one constant rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MOST_INTERVALS = 4
"""The shortest frame is shown for at most so many intervals."""
_CANDIDATES = 401
_MOST_REPEATS = 1000
"""A frame that stands longer is a still, and would only fill the memory."""


@dataclass(frozen=True)
class Rhythm:
    """How often every frame is shown at a constant rate.

    Attributes:
        interval: seconds from one shown frame to the next.
        repeats: for every frame, how many intervals it lasts.
    """

    interval: float
    repeats: tuple[int, ...]

    @property
    def constant(self) -> bool:
        """Whether every frame is shown once."""
        return max(self.repeats) == 1


def find_rhythm(durations: Sequence[float], tolerance: float) -> Rhythm | None:
    """Find the longest interval of which all durations are multiples.

    Args:
        durations: of the frames, in seconds.
        tolerance: by how much a duration may be off in seconds: files round them.

    Returns:
        None if there is no such interval, or a frame has no duration.

    Example:
        >>> find_rhythm([0.12, 0.5, 0.12], 0.01)  # 8 frames per second, in a GIF
        Rhythm(interval=0.125, repeats=(1, 4, 1))
        >>> find_rhythm([0.033, 0.05, 0.071], 0.001) is None
        True
    """
    shown = np.asarray(durations, dtype=np.float64)
    if not len(shown) or not np.isfinite(shown).all() or shown.min() <= 0:
        return None
    for intervals in range(1, _MOST_INTERVALS + 1):
        found = _with_shortest(shown, intervals, tolerance)
        if found is not None:
            return found
    return None


def _with_shortest(shown: np.ndarray, intervals: int, tolerance: float) -> Rhythm | None:
    """The rhythm in which the shortest frame lasts so many intervals and errors are smallest."""
    shortest = float(shown.min())
    # Were it as large as the interval, any duration would be a multiple.
    off = min(tolerance, (0.45 if intervals == 1 else 0.1) * shortest / intervals)
    best: tuple[float, Rhythm] | None = None
    first, last = (shortest - off) / intervals, (shortest + off) / intervals
    for candidate in np.linspace(first, last, _CANDIDATES):
        repeats = np.maximum(np.rint(shown / candidate), 1)
        low, high = ((shown - off) / repeats).max(), ((shown + off) / repeats).min()
        if low > high or repeats.min() != intervals or repeats.max() > _MOST_REPEATS:
            continue
        interval = float((low + high) / 2)
        if repeats.max() == 1:
            interval = float(np.clip(shown.mean(), low, high))
        error = float(np.abs(shown - repeats * interval).max())
        if best is None or error < best[0] - 1e-12:
            best = error, Rhythm(round(interval, 9), tuple(map(int, repeats)))
    return best[1] if best else None
