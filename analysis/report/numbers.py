"""Numbers for the report: as short as they may be without being seen to be."""

from __future__ import annotations

import math
from collections.abc import Iterable

_DIGITS = 5


def short(value: float | None) -> float | None:
    """The value with five significant digits; None where it is missing or not finite.

    >>> short(0.0123456789), short(float("nan"))
    (0.012346, None)
    """
    if value is None or value != value or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def shorts(values: Iterable[float | None]) -> list[float | None]:
    """`short` of each."""
    return [short(value) for value in values]
