"""Checks the keys of `task=advise`. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pab_bench.config.problems import Problems

_LEAST_ELEMENTS = 256
_LARGEST_LAG = 32


def check_advise(advise: Mapping[str, Any], problems: Problems) -> None:
    """Targets and limits must be possible.

    Args:
        advise: the values of `advise.*`.
        problems: receives what is wrong.
    """
    above = {"max_lpips": 0.0, "min_psnr": 0.0, "min_speedup": 1.0, "max_cache_gb": 0.0}
    for key, least in above.items():
        value = advise[key]
        if value is not None and not (math.isfinite(value) and value > least):
            allowed = f"must be a finite number above {least:g}, or null"
            problems.add(f"advise.{key}", value, allowed)
    if advise["budget"] < 1:
        problems.add("advise.budget", advise["budget"], "must be a whole number of at least 1")
    if not 1 <= advise["max_lag"] <= _LARGEST_LAG:
        allowed = f"must be a whole number from 1 to {_LARGEST_LAG}"
        problems.add("advise.max_lag", advise["max_lag"], allowed)
    if advise["elements"] < _LEAST_ELEMENTS:
        allowed = f"must be a whole number of at least {_LEAST_ELEMENTS}"
        problems.add("advise.elements", advise["elements"], allowed)
