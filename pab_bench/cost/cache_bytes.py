"""How much memory what is kept takes, from the plan alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pab_bench.cost.transformer_work import TransformerWork
from pab_bench.engine.cache_course import cache_course
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan


@dataclass(frozen=True)
class CacheBytes:
    """Bytes of kept tensors.

    Attributes:
        peak: the most that is held at once.
        at_peak: what of it belongs to each group.
        per_call: the most that is held during each call, or after it.
    """

    peak: int
    at_peak: Mapping[Group, int]
    per_call: tuple[int, ...]


def predict_cache(
    plan: Plan, lanes: Sequence[TransformerWork], options: CacheOptions
) -> CacheBytes:
    """Follow the plan through all calls: what is kept, and when it is let go.

    Args:
        plan: the decisions.
        lanes: for every transformer call of a denoising step what each site keeps, in the order in
            which the sites are visited.
        options: in which dtype outputs are kept.
    """
    sites = [
        (group, block, sum(options.bytes_of(*own) for own in work.sites[group][block].kept))
        for work in lanes
        for group, block in work.order
    ]
    held = peak = 0
    by_group = dict.fromkeys(plan.source, 0)
    at_peak = dict(by_group)
    per_call = []
    for changes in cache_course(plan, sites):
        most = held
        for group, change, held in changes:
            by_group[group] += change
            most = max(most, held)
            if held > peak:
                peak, at_peak = held, dict(by_group)
        per_call.append(most)
    return CacheBytes(peak, at_peak, tuple(per_call))
