"""What was predicted of a point, for its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.counting import UnknownWork
from pab_bench.cost.estimate import KeptByOthers, cache_of, flops_of
from pab_bench.engine.plan import Plan
from pab_bench.errors import ConfigError


def predicted_cost(
    settings: Settings, plan: Plan, tokens: int, decided: Sequence[Plan] = ()
) -> dict[str, Any]:
    """Operations and cache bytes of one video, counted without the loaded model.

    Args:
        settings: the point.
        plan: its decisions.
        tokens: tokens of the longest text that was attended to.
        decided: those of all videos and lanes, of which the mean is taken, where the plan is open.

    Returns:
        `convention`, `flops_baseline`, `flops_method`, `flops_ratio` and `cache_bytes`, which is
        None of somebody else's code; or the `reason` why they are missing.
    """
    convention = get_convention(DEFAULT)
    try:
        found = [flops_of(settings, convention, plan, tokens) for plan in decided or [plan]]
        bytes_held = _bytes_held(settings, plan, tokens)
    except (ConfigError, UnknownWork) as error:
        return {"reason": str(error)}
    baseline, method = found[0].baseline, sum(flops.method for flops in found) / len(found)
    return {
        "convention": convention.name,
        "flops_baseline": baseline,
        "flops_method": found[0].method if len(found) == 1 else round(method),
        "flops_ratio": method / baseline,
        "cache_bytes": bytes_held,
    }


def _bytes_held(settings: Settings, plan: Plan, tokens: int) -> int | None:
    try:
        return cache_of(settings, plan, tokens).peak
    except KeptByOthers:
        return None
