"""How fast the points of a sweep are, from the timings beside their store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.points import Point, Sweep
from pab_bench.timings.estimate import Figure, Speed
from pab_bench.timings.key import timings_key
from pab_bench.timings.names import name_of_point
from pab_bench.timings.rounds import ClockName
from pab_bench.timings.store import Timings, read_timings
from pab_bench.timings.videos import videos_speedup

NOT_TIMED = (
    "its calls were not timed; task=speed with the same settings, on the same machine, does it "
    "(measure=none and speed.calls=false leave it out)"
)
SHARED = (
    "ranks have shared its videos: no single calls are timed then, and those of one rank say "
    "nothing about it; denoise_s has the seconds of whole videos"
)
ABOVE_TIME = "above its bound by time"
ABOVE_OPERATIONS = "above its bound by operations"
CONTROL_APART = "of a control, leaves out 1"


@dataclass(frozen=True)
class JobSpeed:
    """The speed of a job's point.

    Attributes:
        job: its number.
        speed: from its calls; None if they were not timed.
        videos: the speedup of whole videos in turns, and its clock; None if there are none.
        operations: the bound by operations; None if it is not known.
        control: whether it computes all that the baseline does, so that its speedup must be 1.
        reason: why there is no speedup; empty where there is one.
    """

    job: int
    speed: Speed | None
    videos: tuple[Figure, ClockName] | None = None
    operations: float | None = None
    control: bool = False
    reason: str = ""

    @property
    def speedup(self) -> Figure | None:
        """From its calls, or from whole videos where only they tell its time; None without both."""
        if self.speed is not None:
            return self.speed.speedup
        return None if self.videos is None else self.videos[0]

    @property
    def faults(self) -> list[str]:
        """What cannot be true of the measured interval."""
        speedup = self.speedup
        if speedup is None:
            return []
        bound = None if self.speed is None else self.speed.bound
        if self.control:
            return [] if speedup.low <= 1 <= speedup.high else [CONTROL_APART]
        if bound is not None:
            return [ABOVE_TIME] if speedup.low > bound.high else []
        # Operations of one kind may take longer than others: they bound where no time does.
        above = self.operations is not None and speedup.low > self.operations
        return [ABOVE_OPERATIONS] if above else []

    @property
    def confirmed(self) -> bool | None:
        """Whether the speedup from calls lies in the interval of whole videos; None without them.

        Only times of one clock can be held against each other.
        """
        if self.speed is None or self.videos is None or self.videos[1] != self.speed.clock:
            return None
        return self.videos[0].low <= self.speed.speedup.value <= self.videos[0].high


def speeds_of(sweep: Sweep) -> dict[int, JobSpeed]:
    """The speed of every finished job whose baseline is there, baselines among them."""
    reader = _Reader()
    return {
        job.number: reader.speed(job.number, point)
        for job, point in sweep.finished
        if job.baseline is not None
    }


def speed_of(point: Point, job: int = 0) -> JobSpeed:
    """The speed of a single point, as `speeds_of` has it of a sweep's."""
    return _Reader().speed(job, point)


def speed_numbers(found: JobSpeed | None, is_baseline: bool) -> dict[str, Any]:
    """The numbers by the names that the summary has for them; what is not known is left out.

    Args:
        found: the speed, if any.
        is_baseline: whether it is of a baseline, which is as fast as itself by definition.
    """
    if found is None or found.speed is None:
        if found is None or found.videos is None:
            return {}
        # Of plans whose calls are not alike whole videos are all that is timed.
        own = found.videos[0]
        return {**_ends("speedup", own), **_ends("videos_speedup", own)}
    speed = found.speed
    fault = {"speed_fault": "; ".join(found.faults)} if found.faults else {}
    numbers: dict[str, Any] = {"baseline_denoise_s": speed.baseline_seconds, **fault}
    if is_baseline:
        return {**numbers, "denoise_s": speed.baseline_seconds, "speedup": 1.0}
    numbers |= {"denoise_s": speed.seconds, **_ends("speedup", speed.speedup)}
    if speed.bound is not None:
        numbers["bound"] = speed.bound.value
        numbers["efficiency"] = speed.speedup.value / speed.bound.value
    if found.videos is not None:
        numbers |= _ends("videos_speedup", found.videos[0])
    return numbers


def _ends(name: str, figure: Figure) -> dict[str, float]:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


class _Reader:
    """Reads each file of timings once."""

    def __init__(self) -> None:
        self._files: dict[tuple[Path, str], Timings] = {}

    def speed(self, job: int, point: Point) -> JobSpeed:
        config, plan = point.value("config") or {}, point.value("plan") or {}
        if config.get("parallel"):
            return JobSpeed(job, None, reason=SHARED)
        timings = self._timings(point, config)
        if timings is None or "digest" not in plan:
            return JobSpeed(job, None, reason=NOT_TIMED)
        name = name_of_point(config, plan)
        speed, videos = timings.speed(name), videos_speedup(name, timings.videos)
        ratio = point.value("cost", "flops_ratio")
        return JobSpeed(
            job,
            speed,
            videos,
            None if ratio is None else 1 / ratio,
            # Fewer steps, or halves of the guidance left out, reuse nothing and cost less.
            control=not plan["reuse_share"]["all"] and ratio in (None, 1),
            reason="" if speed or videos else timings.reason or NOT_TIMED,
        )

    def _timings(self, point: Point, config: Mapping[str, Any]) -> Timings | None:
        made = point.value("provenance") or {}
        try:
            key = timings_key(config, made)
        except (KeyError, IndexError, TypeError):  # A record of before, which does not say enough.
            return None
        results = point.folder.parent.parent
        place = results, json.dumps(key, sort_keys=True)
        if place not in self._files:
            self._files[place] = read_timings(results, key)
        return self._files[place]
