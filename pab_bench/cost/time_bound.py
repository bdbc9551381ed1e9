"""The speedup that a plan could reach at most, from measured times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pab_bench.engine.kinds import KINDS, Kind
from pab_bench.engine.plan import Plan


def reuse_shares(plan: Plan, kind: Kind) -> list[float]:
    """Per call the share of a kind's sites that reuse; 0 where the model has no such site."""
    tables = [plan.reuse(group) for group in plan.source if group.kind == kind]
    if not tables:
        return [0.0] * plan.calls
    return [
        float(sum(table[call].mean() for table in tables)) / len(tables)
        for call in range(plan.calls)
    ]


def time_bound(plan: Plan, times: Sequence[Mapping[str, float]], whole: float) -> float:
    """The speedup of denoising if reusing took no time at all.

    Sites of one kind are taken to be equally long in every block.

    Args:
        plan: the decisions.
        times: of a run in which everything computed, per call the seconds of each kind
            (`spatial_s`, ...), as `SiteTimes` gives them.
        whole: seconds of that run's denoising, at least the sum of those.
    """
    saved = sum(
        row[f"{kind}_s"] * share
        for kind in KINDS
        for row, share in zip(times, reuse_shares(plan, kind), strict=True)
    )
    return whole / (whole - saved)
