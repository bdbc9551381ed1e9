"""How timings are kept: every value, and where most of them lie."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Values with their median, quartiles, smallest and largest."""
    several = values if len(values) > 1 else [*values, *values]
    low, median, high = statistics.quantiles(several, n=4, method="inclusive")
    return {
        "median": median,
        "lower_quartile": low,
        "upper_quartile": high,
        "min": min(values),
        "max": max(values),
        "values": list(values),
    }
