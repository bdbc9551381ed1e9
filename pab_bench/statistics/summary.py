"""A set of videos in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pab_bench.statistics.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    SEED,
    Interval,
    mean,
    mean_interval,
    median,
    median_interval,
)
from pab_bench.statistics.samples import Same, Samples, Units, units_of

FEW = 10
"""Units below which bootstrap intervals are too narrow to be called so: of normal values, the
nominal 95 % interval holds the mean in 81 % of cases with 4 units, 86 % with 6, 89 % with 8, 91 %
with 10 and 93 % with 20 (simulated, 3000 sets each)."""


@dataclass(frozen=True)
class Summary:
    """Mean and median of a set with their intervals.

    Attributes:
        count: number of videos.
        prompts: number of prompts.
        mean: None without videos.
        median: None without videos.
        mean_interval: None with fewer than two units to draw from.
        median_interval: likewise.
        note: what limits the interval, or why there is none; empty if nothing does.
    """

    count: int
    prompts: int
    mean: float | None
    median: float | None
    mean_interval: Interval | None
    median_interval: Interval | None
    note: str = ""


def summarise(
    samples: Samples,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    same: Same | None = None,
) -> Summary:
    """Mean and median of all videos, each video weighing the same, with bootstrap intervals.

    Args:
        samples: value by (prompt, seed).
        confidence: of the intervals, between 0 and 1.
        resamples: how often the units are drawn.
        seed: of the draws.
        same: prompts that are the same video as an earlier one, and so are drawn with it.

    Raises:
        ValueError: if a value is not finite.

    Example:
        >>> summarise({("a cat", 0): 1.0, ("a dog", 0): 3.0}).mean
        2.0
        >>> summarise({("a cat", 0): 1.0}).note
        'no interval: 1 video'
    """
    units, kind = units_of(samples, same)
    prompts = len({prompt for prompt, _ in samples})
    if not samples:
        return Summary(0, 0, None, None, None, None, "no videos")
    values = units[np.newaxis]
    numbers = float(mean(values)[0]), float(median(values)[0])
    note = few(units, kind)
    if len(units) < 2:
        return Summary(len(samples), prompts, *numbers, None, None, note)
    intervals = [
        function(units, confidence, resamples, seed)
        for function in (mean_interval, median_interval)
    ]
    return Summary(len(samples), prompts, *numbers, intervals[0], intervals[1], note)


def few(units: Units, kind: str) -> str:
    """What the number of units takes from the interval; empty if there are enough."""
    if len(units) < 2:
        return "no interval: 1 video"
    parts = []
    if len(units) < FEW:
        parts.append(f"only {len(units)} {kind}s: the interval is too narrow")
    if kind == "seed":
        parts.append("one prompt: the interval speaks of its seeds alone")
    return "; ".join(parts)
