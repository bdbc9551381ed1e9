"""How two methods differ, with interval and effect size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pab_bench.statistics.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    SEED,
    Interval,
    draws,
    mean,
    mean_interval,
    percentile_interval,
)
from pab_bench.statistics.samples import Same, Samples, units_of
from pab_bench.statistics.summary import few


@dataclass(frozen=True)
class Difference:
    """First minus second.

    Attributes:
        count: pairs of videos; of an unpaired comparison, the smaller set's videos.
        design: paired where both have the same prompts and seeds.
        mean: of the differences, or the difference of the means; None without videos.
        interval: of `mean`; None where there are too few units.
        effect_size: `mean` in standard deviations: of the differences (Cohen's d_z) where paired,
            pooled (Cohen's d) otherwise; None where there is no spread or too few videos.
        share_greater: of pairs in which the first is greater, ties counted half; None unpaired.
        note: what limits the numbers; empty if nothing does.
    """

    count: int
    design: Literal["paired", "unpaired"]
    mean: float | None
    interval: Interval | None
    effect_size: float | None
    share_greater: float | None
    note: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


def compare(
    first: Samples,
    second: Samples,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    same: Same | None = None,
) -> Difference:
    """Compare two methods, pair by pair where they share prompts and seeds.

    Pairing takes out how hard the prompts are, which is most of the spread between videos. Videos
    that only one side has are left out, and counted in the note; without any shared video the
    sets are compared as such.

    Args:
        first: value by (prompt, seed).
        second: likewise.
        confidence: of the interval, between 0 and 1.
        resamples: how often the units are drawn.
        seed: of the draws.
        same: prompts that are the same video as an earlier one, and so are drawn with it.

    Raises:
        ValueError: if a value is not finite.

    Example:
        >>> easy, hard = ("easy", 0), ("hard", 0)
        >>> compare({easy: 40.0, hard: 20.0}, {easy: 39.0, hard: 19.0}).interval
        Interval(low=1.0, high=1.0, confidence=0.95, method='BCa bootstrap')
    """
    shared = {key: first[key] - second[key] for key in first if key in second}
    if not shared:
        return _unpaired(first, second, confidence, resamples, seed, same)
    units, kind = units_of(shared, same)
    values = np.array(list(shared.values()))
    # How much single videos differ: one that is there twice is one.
    earlier = same or {}
    once = {(earlier.get(prompt, prompt), seed): v for (prompt, seed), v in shared.items()}
    apart = np.array(list(once.values()))
    notes = [few(units, kind)]
    alone = len(first) + len(second) - 2 * len(shared)
    if alone:
        notes.append(f"{alone} videos without a partner left out")
    return Difference(
        count=len(shared),
        design="paired",
        mean=float(values.mean()),
        interval=mean_interval(units, confidence, resamples, seed) if len(units) > 1 else None,
        effect_size=_over(float(values.mean()), apart),
        share_greater=float(np.mean(apart > 0) + 0.5 * np.mean(apart == 0)),
        note="; ".join(note for note in notes if note),
    )


def _unpaired(
    first: Samples,
    second: Samples,
    confidence: float,
    resamples: int,
    seed: int,
    same: Same | None,
) -> Difference:
    if not first or not second:
        return Difference(0, "unpaired", None, None, None, None, "no videos on one side")
    sides = [units_of(samples, same) for samples in (first, second)]
    notes = ["no shared prompts and seeds", *(few(units, kind) for units, kind in sides)]
    values = [np.array(list(samples.values())) for samples in (first, second)]
    apart = float(values[0].mean() - values[1].mean())
    found = None
    if all(len(units) > 1 for units, _ in sides):
        # Seeds of their own: equal draws on both sides would be a pairing by accident.
        one, other = (
            draws(units, mean, resamples, seed + side) for side, (units, _) in enumerate(sides)
        )
        found = percentile_interval(one - other, confidence)
    return Difference(
        count=min(map(len, values)),
        design="unpaired",
        mean=apart,
        interval=found,
        effect_size=_over(apart, *values),
        share_greater=None,
        note="; ".join(dict.fromkeys(note for note in notes if note)),
    )


def _over(apart: float, *groups: np.ndarray) -> float | None:
    """A difference in (pooled) standard deviations."""
    freedom = sum(len(values) - 1 for values in groups)
    if freedom < 1:
        return None
    squares = sum(float(np.sum((values - values.mean()) ** 2)) for values in groups)
    spread = float(np.sqrt(squares / freedom))
    # Differences that are equal up to rounding have no spread worth dividing by.
    scale = max(float(np.abs(values).max()) for values in groups)
    return None if spread <= 1e-12 * scale else apart / spread
