"""Ranks entries of one budget by quality, and says which cannot be told apart from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.metrics import MetricFacts
from pab_bench.leaderboard.entries import Entry
from pab_bench.statistics import Difference, compare
from pab_bench.statistics.ranking import groups, mark, ranks


@dataclass(frozen=True)
class Ranked:
    """An entry in its place.

    Attributes:
        entry: the entry.
        rank: from 1; None without a value of the metric.
        tied: whether it cannot be told apart from the best: the 95 % interval of their difference,
            paired over videos of the same prompts and seeds, holds 0, or there is none.
        difference: to the best one; None for itself.
    """

    entry: Entry
    rank: int | None
    tied: bool = False
    difference: Difference | None = None

    @property
    def mark(self) -> str:
        """The rank as a table has it: `1=` for all that cannot be told apart from the best."""
        if self.rank is None:
            return ""
        return mark(1 if self.tied else self.rank, self.tied)


def rank(entries: Sequence[Entry], metric: MetricFacts) -> list[Ranked]:
    """Rank entries that were sampled under the same conditions.

    Args:
        entries: of one budget.
        metric: what counts; it must have a direction.

    Returns:
        The entries, best first; those without a value last.
    """
    way = 1.0 if metric.higher_is_better else -1.0
    known = [entry for entry in entries if entry.samples.get(metric.column)]
    known.sort(key=lambda entry: -way * _mean(entry, metric.column))
    goodness = [way * _mean(entry, metric.column) for entry in known]
    differences: dict[int, Difference] = {}

    def told_apart(best: int, other: int) -> bool:
        first, second = (known[place].samples[metric.column] for place in (best, other))
        differences[other] = compare(first, second, same=known[best].same)
        return differences[other].is_clear

    alike = [group == 1 for group in groups(goodness, told_apart, most=1)]
    several = sum(alike) > 1
    found = [
        Ranked(entry, number, several and alike[place], differences.get(place))
        for place, (entry, number) in enumerate(zip(known, ranks(goodness), strict=True))
    ]
    return found + [Ranked(entry, None) for entry in entries if entry not in known]


def top(ranked: Sequence[Ranked], most: int) -> list[Ranked]:
    """Keep the best ones of every method, `most` of each; 0 keeps all."""
    kept: list[Ranked] = []
    counts: dict[str, int] = {}
    for one in ranked:
        counts[one.entry.method] = counts.get(one.entry.method, 0) + 1
        if not most or counts[one.entry.method] <= most:
            kept.append(one)
    return kept


def _mean(entry: Entry, metric: str) -> float:
    values = entry.samples[metric].values()
    return sum(values) / len(values)
