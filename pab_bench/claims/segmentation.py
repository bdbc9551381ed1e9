"""Where a curve changes its level, by change-point detection.

The logarithm of the curve is taken as constant between change points. For each number of change
points from 0 to 4, ruptures' dynamic programme finds the places with the least sum of squared
deviations (its `linear` kernel, which is the `l2` cost), no segment being shorter than two steps.
The number is the one with the least modified Bayesian information criterion, n ln(RSS / n) +
3 k ln n + sum ln(n_i / n) over segments of n_i steps (Zhang and Siegmund, Biometrics 63, 2007),
among those whose every change is by a quarter at least. Up to four are looked for, so that both
arms may have two levels. The stable segment is the longest one.

Source: Truong, Oudre, Vayatis, "Selective review of offline change point detection methods",
Signal Processing 167, 2020 (ruptures).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import ruptures

from pab_bench.claims.verdict import MINIMAL_LOG_RATIO

MOST_CHANGES = 4
SHORTEST = 2
_EXACT = 1e-12
"""A mean squared deviation below this is rounding: the fit is exact."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Segmentation:
    """The stable segment of one curve.

    Attributes:
        changes: places where a new segment begins, in order.
        start: first place of the stable segment.
        stop: the place after its last.
        left: level of the segment before it minus its own; None if it begins with the curve.
        right: likewise of the segment after it.
    """

    changes: tuple[int, ...]
    start: int
    stop: int
    left: float | None
    right: float | None

    @property
    def rise(self) -> float:
        """By how much both neighbours are higher at least; 0 where there is none."""
        return min(self.left or 0.0, self.right or 0.0)


def segment(curve: Floats) -> Segmentation:
    """Cut a curve into levels and find its longest one.

    Args:
        curve: logarithms, (steps,), finite, at least one.
    """
    borders = [0, *_changes(curve), len(curve)]
    levels = [float(curve[a:b].mean()) for a, b in pairwise(borders)]
    longest = int(np.argmax(np.diff(borders)))
    own = levels[longest]
    last = longest == len(levels) - 1
    return Segmentation(
        changes=tuple(borders[1:-1]),
        start=borders[longest],
        stop=borders[longest + 1],
        left=levels[longest - 1] - own if longest else None,
        right=None if last else levels[longest + 1] - own,
    )


def _changes(curve: Floats) -> list[int]:
    most = min(MOST_CHANGES, len(curve) // SHORTEST - 1)
    candidates: list[list[int]] = [[]]
    if most > 0:
        search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(curve[:, np.newaxis])
        search.predict(n_bkps=most)  # Finds the best places for all smaller numbers on the way.
        candidates += [search.predict(n_bkps=count)[:-1] for count in range(1, most + 1)]
    cost = _Cost(curve)
    mattering = [c for c in candidates if cost.smallest_change(c) >= MINIMAL_LOG_RATIO]
    return min(mattering, key=cost.criterion)


class _Cost:
    """Sums of squared deviations of parts of a curve, from running totals."""

    def __init__(self, curve: Floats) -> None:
        centred = curve - curve.mean()  # So that little is lost in the difference of totals.
        self._length = len(curve)
        self._totals = [0.0, *np.cumsum(centred).tolist()]
        self._squares = [0.0, *np.cumsum(centred**2).tolist()]

    def criterion(self, changes: Sequence[int]) -> float:
        """The information criterion of a segmentation."""
        parts = list(pairwise([0, *changes, self._length]))
        deviation = sum(self._deviation(*part) for part in parts) / self._length
        fit = self._length * math.log(max(deviation, _EXACT))
        shares = sum(math.log((stop - start) / self._length) for start, stop in parts)
        return fit + 3 * len(changes) * math.log(self._length) + shares

    def smallest_change(self, changes: Sequence[int]) -> float:
        """The least difference of neighbouring levels; infinite if there is one level only."""
        parts = pairwise([0, *changes, self._length])
        levels = [(self._totals[b] - self._totals[a]) / (b - a) for a, b in parts]
        return min((abs(b - a) for a, b in pairwise(levels)), default=math.inf)

    def _deviation(self, start: int, stop: int) -> float:
        total = self._totals[stop] - self._totals[start]
        return self._squares[stop] - self._squares[start] - total**2 / (stop - start)
