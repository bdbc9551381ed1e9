"""The report's answer to which method is best, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.metrics import MetricFacts
from analysis.rivals.entrants import PREFERRED, Rivals, rivals_of
from analysis.rivals.standings import standings_frame
from analysis.tables.rivals import level_text, marks, value_text


@dataclass(frozen=True)
class Answer:
    """Who is best at a level.

    Attributes:
        level: what is held equal.
        best: the best and who cannot be told apart from it, with their values.
        worse: who is worse, best first, with their ranks.
        absent: who does not reach it.
    """

    level: str
    best: str
    worse: str
    absent: str


@dataclass(frozen=True)
class Answers:
    """What is known of one baseline's methods.

    Attributes:
        name: of the baseline.
        metric: by which they are compared.
        limits: what limits the answers; may be empty.
        answers: by level; levels that nobody reaches are left out.
    """

    name: str
    metric: str
    limits: str
    answers: list[Answer]


def answers(data: SweepData) -> list[Answers]:
    """One entry per baseline with several methods; none without any."""
    try:
        rivals = rivals_of(data)
    except NothingToShow:
        return []
    frame = standings_frame(rivals, data.metrics)
    found = []
    for own in rivals:
        metric = next((name for name in PREFERRED if name in own.metrics), None)
        if metric is None:
            continue
        rows = frame[(frame["baseline"] == own.baseline.id) & (frame["metric"] == metric)]
        facts = data.metrics[metric]
        limits = "; ".join(dict.fromkeys(t for t in rows.loc[rows["rank"].notna(), "note"] if t))
        found.append(Answers(own.name, facts.heading, limits, list(_levels(rows, own, facts))))
    return found


def _levels(rows: pd.DataFrame, own: Rivals, facts: MetricFacts) -> Iterator[Answer]:
    for (equal, level), part in rows.groupby(["equal", "level"], sort=False):
        known = part[part["rank"].notna()]
        if known.empty:
            continue
        ranks = marks(part)
        first = known[known["group"] == 1]
        others = known[known["group"] != 1]
        yield Answer(
            level_text(str(equal), float(level), own, facts),
            ", ".join(
                f"{row['method']} ({value_text(row['value'], str(equal), facts)})"
                for row in first.to_dict("records")
            ),
            ", ".join(f"{ranks[name]} {name}" for name in others["method"]),
            ", ".join(part.loc[part["rank"].isna(), "method"]),
        )
