"""Ranks entries of one budget by quality, and says which cannot be told apart from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.metrics import MetricFacts
from pab_bench.leaderboard.entries import Entry
from pab_bench.statistics import Difference, compare


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
        return "1=" if self.tied else str(self.rank)


def rank(entries: Sequence[Entry], metric: MetricFacts) -> list[Ranked]:
    """Rank entries that were sampled under the same conditions.

    Args:
        entries: of one budget.
        metric: what counts; it must have a direction.

    Returns:
        The entries, best first; those without a value last.
    """
    way = -1.0 if metric.higher_is_better else 1.0
    known = [entry for entry in entries if entry.samples.get(metric.column)]
    known.sort(key=lambda entry: way * _mean(entry, metric.column))
    found: list[Ranked] = []
    means = [_mean(entry, metric.column) for entry in known]
    for entry, value in zip(known, means, strict=True):
        difference = None
        if found:
            best = known[0]
            samples = best.samples[metric.column], entry.samples[metric.column]
            difference = compare(*samples, same=best.same)
        # Equal values have the rank of the first of them.
        found.append(Ranked(entry, means.index(value) + 1, _is_tied(difference), difference))
    if any(ranked.tied for ranked in found):
        found[0] = Ranked(known[0], 1, tied=True)
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


def _is_tied(difference: Difference | None) -> bool:
    return difference is not None and not difference.is_clear


def _mean(entry: Entry, metric: str) -> float:
    values = entry.samples[metric].values()
    return sum(values) / len(values)
