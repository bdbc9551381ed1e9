"""Timings of calls from closed formulas, beside a store: what a speedup in a table rests on."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pab_bench.timings.call_classes import BASELINE
from pab_bench.timings.key import timings_key
from pab_bench.timings.names import name_of_point
from pab_bench.timings.rounds import CONTROL, Round, TimedPlan, TimingPass
from pab_bench.timings.store import FOLDER, Timings, add_timings
from pab_bench.timings.videos import BASELINE_VIDEOS, TimedVideos

ROUNDS = 11
"""Odd, so that the median of what is even around a value is that value."""
SPREAD = 0.02
CREATED = "2026-01-01T00:00:00Z"
Records = Sequence[Mapping[str, Any]]


def write_timings(
    results: Path,
    records: Records,
    seconds: Mapping[str, float],
    parts: Mapping[str, float] | None = None,
    turns: Mapping[str, Sequence[float]] | None = None,
    control: float = 1.0,
    videos_only: Collection[str] = (),
) -> None:
    """Time the plans of points; what was timed before is gone.

    Args:
        results: the folder of the store.
        records: of points of one model and machine; the first is the baseline.
        seconds: by id of denoising one video.
        parts: by kind, its share of a call that reuses nothing.
        turns: by id the times of whole videos, one a turn, beside a baseline of `seconds`.
        control: a call that reuses nothing over the one beside it: 1 unless it is measured wrong.
        videos_only: ids of points whose calls were not timed.
    """
    shutil.rmtree(results / FOLDER, ignore_errors=True)
    baseline = records[0]
    whole = seconds[baseline["id"]]
    plans = {_name(r): _plan(r) for r in records if r["id"] not in videos_only}
    reusing = [record for record in records if _reuses(record)]
    ratios = {_class(record): seconds[record["id"]] / whole for record in reusing}
    ratios[CONTROL] = control
    call = whole / baseline["plan"]["calls"]
    steps = str(baseline["config"]["steps"])
    rounds = [
        Round(
            seconds={name: ratio * call * _wobble(number) for name, ratio in ratios.items()},
            reference=dict.fromkeys(ratios, call),
            sampler={steps: 0.0},
            parts=parts or {},
        )
        for number in range(ROUNDS)
    ]
    add_timings(
        results,
        Timings(
            timings_key(baseline["config"], baseline["provenance"]),
            plans,
            (TimingPass("wall", 1, CREATED, rounds),),
            _videos(records, whole, turns or {}),
        ),
    )


def _wobble(number: int) -> float:
    return 1 + SPREAD * (number - ROUNDS // 2) / ROUNDS


def _name(record: Mapping[str, Any]) -> str:
    return name_of_point(record["config"], record["plan"])


def _reuses(record: Mapping[str, Any]) -> bool:
    return bool(record["plan"]["reuse_share"]["all"])


def _class(record: Mapping[str, Any]) -> str:
    """All calls of a point that reuses something are of one class, its own."""
    return f"calls of {record['id']}" if _reuses(record) else str(BASELINE)


def _plan(record: Mapping[str, Any]) -> TimedPlan:
    calls = record["plan"]["calls"]
    shares = {k: v for k, v in record["plan"]["reuse_share"].items() if k != "all"}
    reused = {kind: share * calls for kind, share in shares.items()}
    return TimedPlan(record["config"]["steps"], calls, {_class(record): calls}, reused)


def _videos(
    records: Records, whole: float, turns: Mapping[str, Sequence[float]]
) -> tuple[TimedVideos, ...]:
    names = {record["id"]: _name(record) for record in records}
    seconds = [
        {BASELINE_VIDEOS: (whole, whole), names[identifier]: (took, took)}
        for identifier, times in turns.items()
        for took in times
    ]
    return (TimedVideos("wall", 1, CREATED, seconds),) if seconds else ()
