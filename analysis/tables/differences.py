"""Grid points against each other: how much their quality differs, video by video."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.intervals import resamples_for
from analysis.metrics import MAIN
from analysis.tables.write import MadeTable, TextTable
from pab_bench.statistics.bootstrap import CONFIDENCE, SEED
from pab_bench.statistics.difference import Difference, compare
from pab_bench.statistics.samples import samples_by_metric
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_MOST_PAIRED = 12
"""Of more points with one baseline, each is compared with the first one only."""
_MOST_POINTS = 100
_MOST_ROWS = 400
"""Of the table that people read; the CSV file has all rows."""
_HEADERS = (
    "metric",
    "point",
    "minus point",
    "mean difference",
    f"{CONFIDENCE:.0%} interval",
    "effect size",
    "greater in",
    "videos",
    "clear",
)
_NUMERIC = (False, False, False, True, True, True, True, True, False)


def differences_frame(data: SweepData) -> pd.DataFrame:
    """One row per metric and pair of points that share a baseline; `first` minus `second`.

    Only metrics of the summary are compared. `first` is the later job of a pair, and in a sweep
    of more than twelve points `second` is always the first one; of more than a hundred points the
    first hundred are compared.

    Raises:
        NothingToShow: no two finished points share a baseline and have a metric.
    """
    pairs = list(_pairs(data))
    numbers = {number for pair in pairs for number in pair}
    videos = data.videos[data.videos["job"].isin(numbers)]
    samples = {job: samples_by_metric(rows) for job, rows in videos.groupby("job")}
    shown = [name for name in MAIN if name in data.metrics]
    wanted = [
        (name, first, second)
        for name in shown
        for first, second in pairs
        if all(samples.get(job, {}).get(name) for job in (first, second))
    ]
    if not wanted:
        raise NothingToShow("no two finished points share a baseline and have a metric")
    resamples = resamples_for(len(wanted))
    rows = []
    for name, first, second in wanted:
        own = data.same_prompts.get(first) or data.same_prompts.get(second)
        found = compare(samples[first][name], samples[second][name], resamples=resamples, same=own)
        rows.append({"metric": name, **_pair(data, first, second), **_numbers(found)})
    frame = pd.DataFrame(rows)
    floats = ("mean", "low", "high", "effect_size", "share_greater")
    return frame.astype(dict.fromkeys(floats, "float64"))


def differences_table(data: SweepData) -> MadeTable:
    """The pairs for people, and all of them as CSV.

    Raises:
        NothingToShow: see `differences_frame`.
    """
    frame = differences_frame(data)
    rows = [_cells(data, row) for row in frame.head(_MOST_ROWS).to_dict("records")]
    document = TextTable(_HEADERS, rows, _NUMERIC, _notes(data, frame))
    return MadeTable(document, csv_text(frame))


def _pairs(data: SweepData) -> Iterator[tuple[int, int]]:
    """(later job, earlier job) of points with the same baseline; a point is taken once."""
    groups: dict[Hashable, dict[str, int]] = {}
    for job, point in data.sweep.finished:
        if job.baseline is not None and not point.is_baseline:
            groups.setdefault(job.baseline.id, {}).setdefault(point.id, job.number)
    for points in groups.values():
        jobs = list(points.values())
        if len(jobs) <= _MOST_PAIRED:
            yield from ((later, earlier) for earlier, later in combinations(jobs, 2))
        else:
            yield from ((later, jobs[0]) for later in jobs[1:_MOST_POINTS])


def _pair(data: SweepData, first: int, second: int) -> dict[str, Any]:
    return {
        "first_job": first,
        "second_job": second,
        "first": data.labels[first],
        "second": data.labels[second],
    }


def _numbers(found: Difference) -> dict[str, Any]:
    return {
        "mean": found.mean,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "effect_size": found.effect_size,
        "share_greater": found.share_greater,
        "videos": found.count,
        "design": found.design,
        "clear": found.is_clear,
        "note": found.note,
    }


def _cells(data: SweepData, row: dict[str, Any]) -> list[str]:
    facts = data.metrics[row["metric"]]
    known = not pd.isna(row["low"])
    return [
        f"{facts.heading} {facts.arrow}".strip(),
        f"{row['first_job']}: {row['first']}",
        f"{row['second_job']}: {row['second']}",
        f"{row['mean']:+.3g}",
        f"{row['low']:+.3g} to {row['high']:+.3g}" if known else MISSING,
        MISSING if pd.isna(row["effect_size"]) else f"{row['effect_size']:+.2f}",
        MISSING if pd.isna(row["share_greater"]) else f"{row['share_greater']:.0%}",
        str(row["videos"]),
        "yes" if row["clear"] else "no",
    ]


def _notes(data: SweepData, frame: pd.DataFrame) -> list[str]:
    notes = [
        "Differences of the same videos (prompt and seed) where both points have them. Effect "
        "size: the mean difference over the standard deviation of the differences (Cohen's d_z). "
        "Greater in: the share of videos in which the point has the greater value, ties half. "
        f"Clear: the interval leaves out 0. Intervals: {CONFIDENCE:.0%} BCa bootstrap of the mean, "
        f"{resamples_for(len(frame))} resamples, seed {SEED}.",
        "No correction for the number of comparisons is made.",
    ]
    psnr = data.metrics.get("psnr_db")
    if psnr is not None and psnr.cap is not None and (data.finished["psnr_db"] >= psnr.cap).any():
        notes.append(f"The PSNR of identical videos counts as {psnr.cap:g} dB.")
    notes += [f"{text}." for text in dict.fromkeys(frame["note"]) if text]
    compared = {*frame["first_job"], *frame["second_job"]}
    if len(compared) < len(data.finished):
        notes.append(f"{len(compared)} of {len(data.finished)} points are compared.")
    if len(frame) > _MOST_ROWS:
        notes.append(f"The first {_MOST_ROWS} of {len(frame)} rows; differences.csv has all.")
    return notes
