"""Searches methods beside PAB for the same target, each along its one key.

Every setting reuses at least as much as the one before it, so that the place where the target is
just met is found by halving. What was sampled are ordinary points in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from analysis.frames import video_values
from analysis.points import Point
from pab_bench.advice.surrogate import METRICS
from pab_bench.advice.target import Target, measured
from pab_bench.methods.base import Method
from pab_bench.statistics import Samples, compare, samples_by_metric, summarise
from pab_bench.statistics.bootstrap import RESAMPLES, SEED, draws, mean
from pab_bench.statistics.samples import units_of
from pab_bench.store.records import Record

_log = logging.getLogger(__name__)
_METRIC = "lpips"
"""By which methods of one speed are compared."""


@dataclass(frozen=True)
class Alternative:
    """A setting of a method that was sampled.

    Attributes:
        method: name of the method.
        setting: its key and value, as on the command line; of PAB's rules, what they are.
        record: the point.
        point: the same with its tables.
    """

    method: str
    setting: str
    record: Record
    point: Point

    @property
    def flops_ratio(self) -> float:
        """Operations of the transformer over the baseline's."""
        return float(self.record.cost["flops_ratio"])

    def samples(self, metric: str) -> Samples:
        """The metric's value of every video."""
        rows = video_values(self.point.table("metrics"))
        return samples_by_metric(rows).get(METRICS[metric], {})


def search_alternative(
    settings: Sequence[Method],
    target: Target,
    sample: Callable[[Method], Alternative],
    budget: int,
) -> list[Alternative]:
    """Sample settings of one method by halving.

    With a target of quality the strongest setting that keeps it is looked for; with one of speed
    the mildest that is fast enough.

    Args:
        settings: from the mildest to the strongest.
        target: what is to be reached.
        sample: samples one of them.
        budget: how many are sampled at most.

    Returns:
        What was sampled, in that order.
    """
    tried: list[Alternative] = []

    @cache
    def one(place: int) -> Alternative:
        tried.append(sample(settings[place]))
        return tried[-1]

    low, high = 0, len(settings) - 1
    while low <= high and len(tried) < budget:
        middle = (low + high) // 2
        found = one(middle)
        fast = target.speedup is None or found.flops_ratio * target.speedup <= 1
        stronger = not fast if target.speedup is not None else target.is_met(found.record)
        low, high = (middle + 1, high) if stronger else (low, middle - 1)
    return tried


def best_of(found: Sequence[Alternative], target: Target) -> Alternative | None:
    """Of those that meet the target the cheapest, or with a speedup the best; None without any."""
    good = [one for one in found if target.is_met(one.record)]
    return min(good, key=_order(target), default=None)


def ranked(found: Sequence[Alternative], target: Target) -> list[dict[str, Any]]:
    """The best of every method, the best of all first, as plain data with its uncertainty.

    Returns:
        `method`, `setting`, `point`, `measured`, `flops_ratio`; `lpips` with the ends of its 95 %
        interval or None; `holds`, the share of draws of the videos in which the quality that is
        asked for is kept (None if none is, or with one video); `difference`, in LPIPS to the first,
        with its ends; and `told_apart`: whether that difference leaves out 0. `note` says what
        limits the intervals.
    """
    order = sorted(found, key=_order(target))
    return [_row(one, order[0], target) for one in order]


def _order(target: Target) -> Callable[[Alternative], tuple[float, float]]:
    def key(one: Alternative) -> tuple[float, float]:
        lpips = measured(one.record)[_METRIC]
        by_cost = one.flops_ratio, lpips
        return by_cost if target.speedup is None else (lpips, one.flops_ratio)

    return key


def _row(one: Alternative, first: Alternative, target: Target) -> dict[str, Any]:
    summary = summarise(one.samples(_METRIC))
    ends = summary.mean_interval
    difference = None
    if one is not first:
        found = compare(one.samples(_METRIC), first.samples(_METRIC))
        own = found.interval
        difference = {
            "mean": found.mean,
            "low": None if own is None else own.low,
            "high": None if own is None else own.high,
        }
        told_apart = found.is_clear
    else:
        told_apart = False
    return {
        "method": one.method,
        "setting": one.setting,
        "point": one.record.id,
        "measured": measured(one.record),
        "flops_ratio": one.flops_ratio,
        "lpips": [None, None] if ends is None else [ends.low, ends.high],
        "holds": holds(one, target),
        "difference": difference,
        "told_apart": told_apart,
        "note": summary.note,
    }


def holds(one: Alternative, target: Target) -> float | None:
    """In which share of the draws of the videos all bounds of quality are kept; None if unknown."""
    if not target.worst:
        return None
    kept: Any = True
    for metric, bound in target.worst.items():
        units, _ = units_of(one.samples(metric))
        if len(units) < 2:
            return None
        # One seed: the same videos for every metric.
        drawn = draws(units, mean, RESAMPLES, SEED)
        kept = kept & (drawn <= bound if metric == "lpips" else drawn >= bound)
    return float(np.mean(kept))
