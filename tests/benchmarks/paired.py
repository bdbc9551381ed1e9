"""Ratios of two ways to do the same, on a machine that is not quiet."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How many times as long the second way takes, pair by pair."""

    pairs: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.pairs)

    @property
    def quartiles(self) -> list[float]:
        low, _, high = statistics.quantiles(self.pairs, n=4, method="inclusive")
        return [round(low, 4), round(high, 4)]


def paired_ratio(
    name: str, first: Callable[[], float], second: Callable[[], float], pairs: int
) -> Ratio:
    """The ratio of the seconds that both return.

    Each pair is first, second, second, first, so that a drift of the machine cancels in it. The
    ratio of many short pairs has a median that single disturbances do not move.
    """
    first()
    second()
    ratios = []
    for pair in range(pairs):
        runs = [way() for way in (first, second, second, first)]
        ratios.append((runs[1] + runs[2]) / (runs[0] + runs[3]))
        print(f"{name} {pair + 1}/{pairs}: {(runs[0] + runs[3]) / 2:.3f} s, {ratios[-1]:.4f}")
    return Ratio(ratios)
