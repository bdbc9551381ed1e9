"""What was predicted of a point, for its record."""

from __future__ import annotations

from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.counting import UnknownWork
from pab_bench.cost.estimate import cache_of, flops_of
from pab_bench.engine.plan import Plan
from pab_bench.errors import ConfigError


def predicted_cost(settings: Settings, plan: Plan, tokens: int) -> dict[str, Any]:
    """Operations and cache bytes of one video, counted without the loaded model.

    Args:
        settings: the point.
        plan: its decisions.
        tokens: tokens of the longest text that was attended to.

    Returns:
        `convention`, `flops_baseline`, `flops_method`, `flops_ratio` and `cache_bytes`; or the
        `reason` why they are missing.
    """
    convention = get_convention(DEFAULT)
    try:
        flops = flops_of(settings, convention, plan, tokens)
        cache = cache_of(settings, plan, tokens)
    except (ConfigError, UnknownWork) as error:
        return {"reason": str(error)}
    return {
        "convention": convention.name,
        "flops_baseline": flops.baseline,
        "flops_method": flops.method,
        "flops_ratio": flops.ratio,
        "cache_bytes": cache.peak,
    }
