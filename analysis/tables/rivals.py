"""Which method is best at equal speed, and which is fastest at equal quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.metrics import MetricFacts
from analysis.rivals.entrants import AXES, PREFERRED, Rivals, rivals_of
from analysis.rivals.standings import standings_frame
from analysis.tables.provenance import provenance
from analysis.tables.write import MadeTable, TextTable
from pab_bench.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED
from pab_bench.statistics.ranking import mark
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_HEADERS = (
    "baseline",
    "equal",
    "rank",
    "method",
    f"value [{CONFIDENCE:.0%}]",
    f"difference to the best [{CONFIDENCE:.0%}]",
    "first in",
    "settings",
)
_SMALL = 0.01
_NUMERIC = (False, False, True, False, True, True, True, True)


def rivals_table(data: SweepData) -> MadeTable:
    """One metric for people: LPIPS, or what there is; the CSV file has all of them.

    Raises:
        NothingToShow: no baseline has points of two methods.
    """
    rivals = rivals_of(data)
    frame = standings_frame(rivals, data.metrics)
    rows: list[list[str]] = []
    for own in rivals:
        metric = next((name for name in PREFERRED if name in own.metrics), None)
        if metric is None:
            continue
        shown = frame[(frame["baseline"] == own.baseline.id) & (frame["metric"] == metric)]
        for (equal, level), part in shown.groupby(["equal", "level"], sort=False):
            place = [own.name, level_text(str(equal), float(level), own, data.metrics[metric])]
            rows += _level(place, str(equal), part, data.metrics[metric])
    notes = [*_notes(rivals, frame), *provenance(data)]
    return MadeTable(TextTable(_HEADERS, rows, _NUMERIC, notes), csv_text(frame))


def level_text(equal: str, level: float, own: Rivals, facts: MetricFacts) -> str:
    """What is held equal, such as `1.5x fewer operations`."""
    if equal == "speed":
        return f"{level:g}x {'speedup' if own.axis == 'speedup' else 'fewer operations'}"
    return f"{facts.label} {level:g}" + (f" {facts.unit}" if facts.unit else "")


def value_text(value: float, equal: str, facts: MetricFacts) -> str:
    """A quality, with two digits at least, or a gain."""
    if equal == "quality":
        return f"{value:.2f}x"
    return facts.text(value) if abs(value) >= _SMALL else f"{value:.2g}"


def marks(part: pd.DataFrame) -> dict[str, str]:
    """The rank of every method that reaches a level, by its name; a group has its leader's."""
    known = part[part["rank"].notna()]
    leaders = known.groupby("group")["rank"].min()
    sizes = known.groupby("group").size()
    return {
        str(row["method"]): mark(int(leaders[row["group"]]), bool(sizes[row["group"]] > 1))
        for row in known.to_dict("records")
    }


def _level(
    place: Sequence[str], equal: str, part: pd.DataFrame, facts: MetricFacts
) -> list[list[str]]:
    ranks = marks(part)
    if not ranks:
        return []
    rows = []
    for row in part[part["rank"].notna()].to_dict("records"):
        value = value_text(row["value"], equal, facts)
        value += _ends(row, "", lambda end: value_text(end, equal, facts))
        apart = "" if row["difference"] == 0 else f"{row['difference']:+.3g}"
        apart += _ends(row, "difference_", lambda end: f"{end:+.3g}") if apart else ""
        first = MISSING if pd.isna(row["first"]) else f"{row['first']:.0%}"
        cells = [ranks[row["method"]], row["method"], value, apart or MISSING, first]
        rows.append([*place, *cells, str(row["settings"])])
    absent = list(part.loc[part["rank"].isna(), "method"])
    if absent:
        text = f"not reached by {', '.join(absent)}"
        rows.append([*place, MISSING, text, MISSING, MISSING, MISSING, MISSING])
    return rows


def _ends(row: Mapping[str, Any], name: str, text: Callable[[float], str]) -> str:
    """An interval in brackets, with `?` for an end that is not known; empty without one."""
    ends = [row[f"{name}{end}"] for end in ("low", "high")]
    if all(pd.isna(end) for end in ends):
        return ""
    return f" [{', '.join('?' if pd.isna(end) else text(end) for end in ends)}]"


def _notes(rivals: Sequence[Rivals], frame: pd.DataFrame) -> list[str]:
    notes = [
        "Each method stands for what it reaches between its settings: of those that no other of "
        "its own beats, neighbours are joined by a line of quality over the logarithm of the gain. "
        "Beyond its settings nothing is said of a method: it has not reached the level. Settings: "
        "how many it has; with more of them a front is followed more closely.",
        f"Intervals: {CONFIDENCE:.0%} percentile bootstrap, {RESAMPLES} resamples, seed {SEED}; "
        "prompts are drawn, each with all its seeds, or, of a single prompt, its seeds: the same "
        "videos for every method, whose fronts are found anew each time. First in: the share of "
        "the draws in which nobody is better.",
        "Where all settings of a method are better than the level, in a draw of the videos, its "
        "largest gain counts: so much it has shown. ?: in many draws all are worse, and the lower "
        "end is not known.",
        "Rank: 1= cannot be told apart from the best, since the interval of their difference holds "
        "0 or may do so; of the others, those that cannot be told apart from the best among "
        "them share its rank, and so on. No correction for the number of comparisons is made.",
    ]
    axes = {own.axis for own in rivals}
    if "speedup" in axes:
        notes.append(
            "Speedups are measured; their own intervals are in the figure, and not in these."
        )
    if "operations" in axes:
        notes.append(
            "Not all points of a baseline have a measured speedup that can be true, so that they "
            f"are compared at so many {AXES['operations']}: how often the operations of the "
            "method's transformer go into the baseline's. That is no speedup: what deciding and "
            "keeping cost is not in it."
        )
    notes += [f"{text[0].upper()}{text[1:]}." for text in _limits(frame)]
    notes += [f"{own.name}: {note}" for own in rivals for note in own.notes]
    return notes


def _limits(frame: pd.DataFrame) -> list[str]:
    texts = frame.loc[frame["rank"].notna(), "note"]
    return [text for text in dict.fromkeys(texts) if text]
