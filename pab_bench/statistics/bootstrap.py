"""Bootstrap confidence intervals, seeded, so that the same numbers give the same interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from pab_bench.statistics.samples import Units

RESAMPLES = 9999
CONFIDENCE = 0.95
SEED = 0
_NUMBERS_AT_ONCE = 2**21
_ROUNDING = 1e-12

Statistic = Callable[[Units], npt.NDArray[np.float64]]
"""From resampled units of shape (resamples, units, values) to one number per resample."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: lower end.
        high: upper end.
        confidence: nominal share of intervals that hold the true value, 0..1.
        method: how it was made.
    """

    low: float
    high: float
    confidence: float = CONFIDENCE
    method: str = "BCa bootstrap"


def mean(units: Units) -> npt.NDArray[np.float64]:
    """Mean of all values, every video weighing the same."""
    present = ~np.isnan(units)
    totals = np.where(present, units, 0.0).sum(axis=(-2, -1))
    result: npt.NDArray[np.float64] = totals / present.sum(axis=(-2, -1))
    return result


def median(units: Units) -> npt.NDArray[np.float64]:
    """Median of all values."""
    result: npt.NDArray[np.float64] = np.nanmedian(units.reshape(*units.shape[:-2], -1), axis=-1)
    return result


def mean_interval(
    units: Units,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Bias-corrected and accelerated interval of the mean (Efron 1987).

    Args:
        units: what is drawn with replacement, one row each, at least two rows.
        confidence: between 0 and 1.
        resamples: how often the units are drawn.
        seed: of the draws.

    Raises:
        ValueError: if there are fewer than two units.
    """
    if len(units) < 2:
        raise ValueError(f"expected at least two units to draw from, got {len(units)}")
    drawn = draws(units, mean, resamples, seed)
    observed = float(mean(units[np.newaxis])[0])
    # Draws that equal the observed value up to rounding would fall on either side by chance.
    equal = np.abs(drawn - observed) <= _ROUNDING * np.nanmax(np.abs(units))
    below = np.mean(~equal & (drawn < observed)) + 0.5 * np.mean(equal)
    # A share of 0 or 1 would be an infinite bias; half a draw is as far as the draws can tell.
    bias = ndtri(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
    acceleration = _acceleration(units)
    tails = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    low, high = np.quantile(drawn, ndtr(bias + tails / (1 - acceleration * tails)))
    return Interval(float(low), float(high), confidence)


def median_interval(
    units: Units,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Percentile interval of the median, which the other one's jackknife does not suit.

    Arguments and errors are those of `mean_interval`.
    """
    if len(units) < 2:
        raise ValueError(f"expected at least two units to draw from, got {len(units)}")
    return percentile_interval(draws(units, median, resamples, seed), confidence)


def percentile_interval(drawn: npt.NDArray[np.float64], confidence: float = CONFIDENCE) -> Interval:
    """Plain percentile interval of statistics that were already drawn."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), confidence, "percentile bootstrap")


def draws(units: Units, statistic: Statistic, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """The statistic of every resample."""
    return np.concatenate([statistic(units[rows]) for rows in _draws(len(units), resamples, seed)])


def _draws(count: int, resamples: int, seed: int) -> Iterable[npt.NDArray[np.int64]]:
    """Indices of shape (some resamples, units), in parts that bound the memory."""
    if count * resamples <= _NUMBERS_AT_ONCE:
        return _small_draws(count, resamples, seed)
    return _new_draws(count, resamples, seed)


@lru_cache(maxsize=4)
def _small_draws(count: int, resamples: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """The same for thousands of sets of one size."""
    return list(_new_draws(count, resamples, seed))


def _new_draws(count: int, resamples: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    size = max(1, _NUMBERS_AT_ONCE // count)
    for start in range(0, resamples, size):
        yield generator.integers(0, count, (min(size, resamples - start), count))


def _acceleration(units: Units) -> float:
    """How fast the mean's spread changes with its value, from leaving out one unit each."""
    present = ~np.isnan(units)
    totals, counts = np.where(present, units, 0.0).sum(axis=1), present.sum(axis=1)
    values = (totals.sum() - totals) / (counts.sum() - counts)
    apart = values.mean() - values
    largest = float(np.max(np.abs(apart)))
    if largest <= _ROUNDING * np.nanmax(np.abs(units)):
        return 0.0
    apart /= largest  # The result has no scale, but its parts could underflow.
    return float(np.sum(apart**3)) / (6 * float(np.sum(apart**2)) ** 1.5)
