"""The leaderboard as tables, one for every model and set of conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.intervals import repeats
from analysis.metrics import MAIN, MetricFacts
from analysis.rules_text import rules_texts
from analysis.tables.write import TextTable
from pab_bench.errors import ConfigError
from pab_bench.leaderboard.budgets import BUDGETS, CLASSES, BudgetName, budget_class
from pab_bench.leaderboard.entries import Entries, Entry
from pab_bench.leaderboard.ranking import Ranked, rank, top
from pab_bench.leaderboard.sources import Source
from pab_bench.statistics import summarise
from pab_bench.statistics.samples import units_of
from pab_bench.statistics.summary import FEW
from pab_bench.text.missing import MISSING
from pab_bench.timings.estimate import Figure

_PREFERRED = ("lpips", "psnr_db", "ssim")


def leaderboard(
    sources: Sequence[Source],
    entries: Entries,
    metric: str | None = None,
    budget: BudgetName = "operations",
    most: int = 3,
) -> list[TextTable]:
    """Make the tables.

    Args:
        sources: where the points are from.
        entries: the points.
        metric: column of what they are ranked by; None = LPIPS, or what there is.
        budget: what the classes are of.
        most: rows of each method in each class; 0 = all.

    Raises:
        ConfigError: if there is nothing to rank, or not by that metric.
    """
    if not entries.found:
        raise ConfigError("no point that reuses something is there to be ranked")
    _check_metric(entries, metric)
    groups: dict[str, list[Entry]] = {}
    for entry in entries.found:
        groups.setdefault(entry.conditions, []).append(entry)
    tables = []
    for group in sorted(groups.values(), key=lambda found: found[0].title):
        facts = _metric(entries.metrics, group, metric)
        shown = _shown_metrics(entries.metrics, group, facts)
        texts = rules_texts([entry.rules for entry in group])
        rules = {id(entry): text or MISSING for entry, text in zip(group, texts, strict=True)}
        rows = []
        for name in CLASSES:
            own = [entry for entry in group if budget_class(BUDGETS[budget](entry)) == name]
            ranked = [(one, rules[id(one.entry)]) for one in top(rank(own, facts), most)]
            rows += [_cells(name, one, text, shown) for one, text in ranked]
        headers = ["budget", "rank", "method", "rules", "operations", "speedup [95 %]"]
        headers += [f"{f.short} {f.arrow} [95 %]".replace("  ", " ") for f in shown]
        headers += ["videos", "from"]
        numeric = [False, True, False, False, True, True, *(True for _ in shown), True, False]
        used = [source for source in sources if any(source.number in e.sources for e in group)]
        notes = _notes(group, facts, budget, most)
        notes += [str(source) for source in used]
        notes += [
            f"{rules[id(entry)]}: [{number}] has another {entries.metrics[name].label} than "
            f"[{entry.sources[0]}], which is shown"
            for entry in group
            for name, number in entry.apart
        ]
        tables.append(TextTable(headers, rows, numeric, notes, group[0].title))
    return tables


def _check_metric(entries: Entries, wanted: str | None) -> None:
    usable = _usable(entries.metrics, entries.found)
    if wanted is not None and wanted not in usable:
        listed = ", ".join(usable) or "none"
        raise ConfigError(f"--metric {wanted}: no point can be ranked by it; there are {listed}")


def _metric(
    metrics: Mapping[str, MetricFacts], group: Sequence[Entry], wanted: str | None
) -> MetricFacts:
    """What a group is ranked by; without any value of it, its points have no rank."""
    usable = _usable(metrics, group)
    order = [name for name in (*_PREFERRED, *usable) if name in usable]
    return metrics[wanted or next(iter(order), next(iter(metrics)))]


def _usable(metrics: Mapping[str, MetricFacts], group: Sequence[Entry]) -> list[str]:
    there = {name for entry in group for name, values in entry.samples.items() if values}
    return [n for n in metrics if n in there and metrics[n].higher_is_better is not None]


def _shown_metrics(
    metrics: Mapping[str, MetricFacts], group: Sequence[Entry], ranked_by: MetricFacts
) -> list[MetricFacts]:
    names = [ranked_by.column, *(name for name in MAIN if name != ranked_by.column)]
    there = {name for entry in group for name in entry.samples}
    return [metrics[name] for name in names if name in there]


def _cells(budget: str, one: Ranked, rules: str, shown: Sequence[MetricFacts]) -> list[str]:
    entry = one.entry
    speedup = MISSING if entry.speedup is None else _interval(entry.speedup)
    return [
        budget,
        one.mark or MISSING,
        entry.method,
        rules,
        MISSING if entry.operations is None else f"{entry.operations:.3f}x",
        speedup,
        *(_quality(entry, facts) for facts in shown),
        str(max((len(values) for values in entry.samples.values()), default=0)),
        " ".join(f"[{number}]" for number in entry.sources),
    ]


def _interval(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _quality(entry: Entry, facts: MetricFacts) -> str:
    samples = entry.samples.get(facts.column)
    if not samples:
        return MISSING
    found = summarise(samples, same=entry.same)
    text = facts.text(found.mean or 0.0)
    ends = found.mean_interval
    return text if ends is None else f"{text} [{facts.text(ends.low)}, {facts.text(ends.high)}]"


def _notes(group: Sequence[Entry], facts: MetricFacts, budget: BudgetName, most: int) -> list[str]:
    notes = [
        f"Budget: how many times less than the baseline a point costs, by {budget}; operations are "
        "the transformer's, and the same on every machine.",
        f"Rank: by the mean {facts.label} within a budget. 1= cannot be told apart from the best: "
        "the 95 % interval (BCa bootstrap, 9999 resamples, seed 0) of their difference, paired "
        "over the same prompts and seeds, holds 0, or there are too few videos for one.",
    ]
    if most:
        notes.append(f"The best {most} of each method in each budget; --top 0 shows all.")
    units = {len(units_of(values, e.same)[0]) for e in group for values in e.samples.values()}
    if any(count < FEW for count in units):
        notes.append(
            f"With fewer than {FEW} prompts an interval is too narrow: who is first may be chance."
        )
    if len({entry.machine for entry in group if entry.speedup is not None}) > 1:
        notes.append("Speedups are of several machines, and cannot be compared across them.")
    text = repeats({p: f for entry in group for p, f in entry.same.items()})
    return notes + ([text] if text else [])
