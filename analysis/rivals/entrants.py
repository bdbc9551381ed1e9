"""The methods of a sweep with their settings, what each setting gains, and where that is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.frames import baseline_name
from analysis.points import Job, Point
from pab_bench.statistics.bootstrap import SEED
from pab_bench.statistics.contest import Contest, Setting
from pab_bench.statistics.samples import Samples, samples_by_metric

AxisName = Literal["speedup", "operations"]
AXES: Mapping[AxisName, str] = {
    "speedup": "measured speedup",
    "operations": "times fewer operations",
}
"""What settings gain; the two are never put on one scale."""
OWN = "own_"
"""Names of contenders whose settings nobody has published begin with it."""
_METRICS = ("psnr_db", "ssim", "lpips")
"""Where a baseline video is compared with, in the order in which they are shown."""
PREFERRED = ("lpips", "psnr_db", "ssim")


@dataclass(frozen=True)
class Entrant:
    """One setting of a method.

    Attributes:
        job: number of its job.
        method: name of the method.
        name: of the setting.
        published: whether its settings are published ones; None where its name does not say.
        gain: how many times less than the baseline it costs.
        gain_ends: ends of the interval of a measured gain.
        samples: by metric, one value per video.
    """

    job: int
    method: str
    name: str
    published: bool | None
    gain: float
    gain_ends: tuple[float, float] | None
    samples: Mapping[str, Samples]


@dataclass(frozen=True)
class Rivals:
    """All methods that are compared with one baseline.

    Attributes:
        baseline: the baseline.
        axis: what is gained.
        entrants: the settings, by method in the order of jobs.
        same: prompts that are the same video as an earlier one.
        notes: what was left out, and why.
    """

    baseline: Point
    axis: AxisName
    entrants: Mapping[str, Sequence[Entrant]]
    same: Mapping[int, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Model, steps and guidance."""
        return baseline_name(self.baseline)

    @property
    def metrics(self) -> list[str]:
        """The metrics that all settings have."""
        own = [entrant.samples for entrants in self.entrants.values() for entrant in entrants]
        return [name for name in _METRICS if all(samples.get(name) for samples in own)]

    def contest(self, metric: str, higher_is_better: bool, seed: int = SEED) -> Contest:
        """The methods by one metric; `seed` is that of the draws."""
        methods = {
            method: [Setting(entrant.gain, entrant.samples[metric]) for entrant in own]
            for method, own in self.entrants.items()
        }
        return Contest(methods, higher_is_better, self.same, seed=seed)


def rivals_of(data: SweepData) -> list[Rivals]:
    """The rivals of every baseline that has at least two methods.

    Raises:
        NothingToShow: there are none.
    """
    found = [rivals for point in data.sweep.baselines if (rivals := _of(data, point)) is not None]
    if not found:
        raise NothingToShow("no baseline has points of at least two methods, with what they gain")
    return found


def rivals_of_baseline(data: SweepData, baseline: Point) -> Rivals:
    """The rivals of one baseline.

    Raises:
        NothingToShow: it has no points of two methods.
    """
    found = _of(data, baseline)
    if found is None:
        raise NothingToShow(f"{baseline_name(baseline)}: no points of at least two methods")
    return found


def _of(data: SweepData, baseline: Point) -> Rivals | None:
    jobs: dict[str, tuple[Job, Point]] = {}
    notes = []
    for job, point in data.sweep.finished:
        if job.baseline is None or job.baseline.id != baseline.id:
            continue
        if job.status == "reused_nothing":
            notes.append(f"{_name(data, job)} reused nothing, and is left out.")
            continue
        if _is_control(point):
            continue
        jobs.setdefault(point.id, (job, point))  # A point of several jobs is one setting.
    if len({_method(point) for _, point in jobs.values()}) < 2:
        return None
    axis, lacking = _axis(data, list(jobs.values()))
    notes += lacking
    values = dict(list(data.videos.groupby("job")))
    entrants: dict[str, list[Entrant]] = {}
    for job, point in jobs.values():
        gain = _gain(data, job, point, axis)
        if isinstance(gain, str):
            notes.append(f"{_name(data, job)} {gain}, and is left out.")
            continue
        samples = samples_by_metric(values[job.number]) if job.number in values else {}
        fault = _why_not(data, samples)
        if fault:
            notes.append(f"{_name(data, job)} {fault}, and is left out.")
            continue
        method, label = _method(point), _name(data, job)
        asked = (job.overrides or {}).get("contender")
        published = None if asked is None else not asked.startswith(OWN)
        own = Entrant(job.number, method, label, published, *gain, samples)
        entrants.setdefault(method, []).append(own)
    if len(entrants) < 2:
        return None
    numbers = [entrant.job for own in entrants.values() for entrant in own]
    same = next((data.same_prompts[n] for n in numbers if n in data.same_prompts), {})
    return Rivals(baseline, axis, entrants, same, notes)


def _is_control(point: Point) -> bool:
    """Whether its settings ask for no acceleration at all."""
    reused = point.value("plan", "reuse_share", "all")
    return point.is_baseline or (_method(point) == "pab" and not reused)


def _why_not(data: SweepData, samples: Mapping[str, Samples]) -> str:
    """What keeps a setting out of all comparisons; empty if nothing does."""
    missing = [name for name in _METRICS if name in data.metrics and not samples.get(name)]
    if missing:
        return f"has no {', '.join(data.metrics[name].label for name in missing)}"
    infinite = [
        name
        for name in _METRICS
        if not all(np.isfinite(value) for value in samples.get(name, {}).values())
    ]
    if infinite:
        return f"has values of {', '.join(infinite)} that are not finite"
    facts = data.metrics.get("psnr_db")
    cap = None if facts is None else facts.cap
    if cap is not None and any(value >= cap for value in samples.get("psnr_db", {}).values()):
        return "has videos that are equal to the baseline's, whose PSNR is infinite"
    return ""


def _axis(data: SweepData, points: Sequence[tuple[Job, Point]]) -> tuple[AxisName, list[str]]:
    """Speedups, if all points have one; and if some have none, that."""
    found = [data.speeds.get(job.number) for job, _ in points]
    timed = sum(own is not None and own.speedup is not None for own in found)
    if timed == len(points):
        return "speedup", []
    lacking = f"{len(points) - timed} of {len(points)} settings were not timed: operations compare."
    return "operations", [lacking] if timed else []


def _gain(
    data: SweepData, job: Job, point: Point, axis: AxisName
) -> tuple[float, tuple[float, float] | None] | str:
    """What a setting gains and between what it lies; or why that is not known."""
    if axis == "operations":
        ratio = point.value("cost", "flops_ratio")
        return (1 / float(ratio), None) if ratio else "has no predicted cost"
    found = data.speeds[job.number]
    if found.faults or found.speedup is None:
        return f"has a speedup that cannot be true ({'; '.join(found.faults)})"
    return found.speedup.value, (found.speedup.low, found.speedup.high)


def _method(point: Point) -> str:
    method = point.value("config", "method") or "pab"
    return str(method["name"] if isinstance(method, Mapping) else method)


def _name(data: SweepData, job: Job) -> str:
    """The contender, or what figures call the point."""
    return (job.overrides or {}).get("contender") or data.labels.get(
        job.number, f"job {job.number}"
    )
