"""How a change of the output is estimated from one of the input."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeGuard

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Polynomial:
    """Estimates from the relative change of the input that of the output.

    Attributes:
        coefficients: highest power first.

    Example:
        >>> Polynomial((2.0, 0.0, 1.0))(3.0)
        19.0
    """

    coefficients: tuple[float, ...]

    def __call__(self, change: float) -> float:
        """Evaluate it, in double precision; it is not clamped."""
        value = 0.0
        for coefficient in self.coefficients:
            value = value * change + coefficient
        return value


class Within:
    """A polynomial that was fitted to some changes, and what is done of others in one video.

    Args:
        polynomial: estimates the change of the output.
        fitted: the smallest and the largest change to which it was fitted.
        clamps: whether others are taken for the nearest of these.
    """

    def __init__(self, polynomial: Polynomial, fitted: tuple[float, ...], clamps: bool) -> None:
        self._polynomial, self._clamps = polynomial, clamps
        self._low, self._high = fitted
        self._told = False

    def __call__(self, change: float) -> float:
        """Evaluate it, and tell the first change outside of the range."""
        inside = min(max(change, self._low), self._high)
        if inside != change and not self._told:
            self._told = True
            what = "is taken for its nearest end" if self._clamps else "is evaluated nevertheless"
            _log.warning(
                f"method=teacache: a change of the input of {change:.4g} lies outside of "
                f"{self._low:.4g} to {self._high:.4g}, where the polynomial was fitted, and {what}"
            )
        return self._polynomial(inside if self._clamps else change)


def are_numbers(values: object) -> TypeGuard[Sequence[float]]:
    """Whether a value that was read is a list of finite numbers."""
    if not isinstance(values, list | tuple):
        return False
    return all(isinstance(own, int | float) and isfinite(own) for own in values)


def is_range(values: Sequence[float]) -> bool:
    """Whether numbers are a smallest and a largest change."""
    return len(values) == 2 and are_numbers(values) and 0 <= values[0] < values[1]
