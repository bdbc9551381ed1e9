"""The table of a comparison that people read, and the notes below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pab_bench.compare.pairs import Pairs
from pab_bench.metrics.measure import Measured
from pab_bench.text.missing import MISSING

if TYPE_CHECKING:
    import pandas as pd

HEADINGS = ("metric", "mean", "95 % interval", "median", "videos", "remarks")
NUMERIC = (False, True, True, True, True, False)
INTERVALS = (
    "Intervals: 95 % bootstrap over prompts (names without a trailing number), BCa, 9999 "
    "resamples, seed 0."
)


def cells(summary: pd.DataFrame) -> tuple[list[str], list[list[str]], list[bool]]:
    """Headings, rows, and whether a column is numeric.

    Args:
        summary: `Results.summary`.
    """
    return list(HEADINGS), [_row(row) for row in summary.to_dict("records")], list(NUMERIC)


def notes(found: Sequence[Measured], pairs: Pairs, about: Mapping[str, Any]) -> list[str]:
    """What the numbers mean, what is missing and why, and where all of it comes from.

    Args:
        found: every metric of all pairs that could be read.
        pairs: which those are, and which were refused.
        about: `reference`, `test` and `versions`.
    """
    measured = len(pairs.measured)
    lines = [
        f"{measured} of {measured + len(pairs.refused)} pairs measured: {about['test']} against "
        f"{about['reference']}.",
        INTERVALS,
        *(f"Refused: {name}: {reason}" for name, reason in pairs.refused.items()),
        *missing(found, pairs),
        *remarks(pairs),
    ]
    lines += [
        f"{one.metric.label}: {one.metric.definition} ({one.metric.source})." for one in found
    ]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return [*lines, f"Versions: {versions}."]


def missing(found: Sequence[Measured], pairs: Pairs) -> list[str]:
    """A line for every metric and reason, with the pairs that have no value for it."""
    lines = []
    names = [pair.name for pair in pairs.measured]
    for one in found:
        reasons: dict[str, list[str]] = {}
        for name, video in zip(names, one.videos, strict=bool(one.videos)):
            if video.mean.value is None:
                reasons.setdefault(video.mean.reason, []).append(name)
        if not one.videos and one.reason:
            reasons[one.reason] = names
        lines += [
            f"Missing: {'all pairs' if without == names else ', '.join(without)}: {reason}"
            for reason, without in reasons.items()
        ]
    return list(dict.fromkeys(lines))


def remarks(pairs: Pairs) -> list[str]:
    """A line for everything that reading did to frames, with the pairs of it."""
    names: dict[str, list[str]] = {}
    for name, notes_of_pair in pairs.notes.items():
        for note in notes_of_pair:
            names.setdefault(note, []).append(name)
    everything = len(pairs.measured)
    return [
        f"Note: {'all pairs' if len(those) == everything else ', '.join(those)}: {note}"
        for note, those in names.items()
    ]


def _row(row: Mapping[str, Any]) -> list[str]:
    name = f"{row['label']} ({row['unit']})" if row["unit"] else row["label"]
    digits = 2 if row["unit"] == "dB" else 4
    low, high = (number(row[end], digits) for end in ("low", "high"))
    return [
        f"{name} {_direction(row)}".strip(),
        number(row["value"], digits),
        MISSING if MISSING in (low, high) else f"{low} to {high}",
        number(row["median"], digits),
        f"{row['videos']} of {row['pairs']}",
        "no value, see below" if row["reason"] else row["note"],
    ]


def number(value: float | None, digits: int) -> str:
    """A value for people; a dash where it is missing.

    >>> number(31.256, 2), number(0.00002, 4), number(0.0, 4), number(None, 4)
    ('31.26', '2.0e-05', '0.0000', '\u2013')
    """
    if value is None or math.isnan(value):
        return MISSING
    rounds_away = 0 < abs(value) < 10**-digits
    return f"{value:.1e}" if rounds_away else f"{value:.{digits}f}"


def _direction(row: Mapping[str, Any]) -> str:
    ideal, better = row["ideal"], row["higher_is_better"]
    if ideal is not None and not math.isnan(ideal):
        return f"(ideal: {ideal:g})"
    return "" if better is None else "↑" if better else "↓"
