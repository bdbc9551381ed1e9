"""What plans are called among timings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pab_bench.engine.cache_options import CacheOptions
from pab_bench.timings.call_classes import Keeping


def plan_name(
    digest: str,
    keeping: Keeping,
    reuses_nothing: bool,
    baseline_steps: int | None = None,
    method: str = "",
) -> str:
    """The name of a plan: its decisions and, if it has any reuse, how outputs are kept.

    Args:
        digest: of the plan.
        keeping: how outputs are kept.
        reuses_nothing: whether that makes no difference.
        baseline_steps: denoising steps of its baseline, where it makes others itself.
        method: its method as `method_text` has it, where the decisions on sites do not say all.
    """
    how = "" if reuses_nothing else str(keeping)
    if baseline_steps is not None:
        how = f"{how} of {baseline_steps}"
    if method:
        how = f"{how} by {method}"
    return hashlib.sha256(f"{digest} {how}".encode()).hexdigest()[:20]


def name_of_point(config: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """The name of the plan that a point followed.

    Args:
        config: the point's identity.
        plan: its record's summary of the plan.
    """
    baseline_steps = config["steps"] if "steps_made" in config else None
    reuses_nothing = not plan["reuse_share"]["all"]
    method = "" if plan.get("sites_only", True) else method_text(config["method"])
    keeping = keeping_of_point(config)
    return plan_name(plan["digest"], keeping, reuses_nothing, baseline_steps, method)


def method_text(method: Any) -> str:
    """What an identity says of a method, as a text."""
    return json.dumps(method, sort_keys=True)


def keeping_of_point(config: Mapping[str, Any]) -> Keeping:
    """How a point kept outputs; of a baseline, which keeps none, the usual way.

    Args:
        config: the point's identity.
    """
    cache = CacheOptions(**(config.get("cache") or {}))
    return Keeping(config.get("broadcast_object") or "output", cache)
