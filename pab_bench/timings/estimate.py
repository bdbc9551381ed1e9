"""The speedup of a plan, with its interval, from times of classes of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import KINDS
from pab_bench.statistics.bootstrap import CONFIDENCE, SEED
from pab_bench.timings.call_classes import BASELINE
from pab_bench.timings.rounds import CLOCKS, CONTROL, ClockName, Round, TimedPlan, TimingPass

FEWEST_ROUNDS = 5
"""Of each class; of fewer no interval is made."""
MUCH_WIDER = 2.0
"""Times as wide as by another clock an interval may be, for the preferred clock to count."""
RESAMPLES = 999
_ALL = str(BASELINE)

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval, as a share of the value."""
        return (self.high - self.low) / 2 / self.value


@dataclass(frozen=True)
class Speed:
    """How fast denoising under a plan is.

    Attributes:
        speedup: seconds of denoising without reuse over those with it.
        bound: the speedup if reusing took no time, by the time of each kind; None if that was not
            looked at.
        seconds: of denoising one video under the plan.
        baseline_seconds: without reuse.
        clock: which clock they are of.
        threads: with how many a processor computed.
        rounds: how many the class with the fewest has.
        disturbed: share of calls that were left out.
        others: processors that other processes had meanwhile, the mean; None if it is not known.
        slowed: share of the rounds in which the GPU said that power or heat slows it down.
        control: the speedup of a video whose calls all reuse nothing, from calls of the same rounds
            that were timed as if they were a method's; None if there are too few.
    """

    speedup: Figure
    bound: Figure | None
    seconds: float
    baseline_seconds: float
    clock: ClockName
    threads: int
    rounds: int
    disturbed: float
    others: float | None = None
    slowed: float = 0.0
    control: Figure | None = None

    @property
    def how(self) -> str:
        """The clock in words."""
        return CLOCKS[self.clock]


class Estimator:
    """The speeds of plans, from everything that was timed together.

    Args:
        passes: by whatever clocks.
    """

    def __init__(self, passes: Sequence[TimingPass]) -> None:
        # By preference: wall time first, then as many threads as can be.
        ways = {(p.clock, p.threads) for p in passes}
        order = sorted(ways, key=lambda way: (list(CLOCKS).index(way[0]), -way[1]))
        self._times = {
            way: ClassTimes([p for p in passes if (p.clock, p.threads) == way]) for way in order
        }

    def speed(self, plan: TimedPlan) -> Speed | None:
        """Add up the calls of a plan; None if some of its classes were not timed often enough."""
        found = [
            times.speed(plan, clock, threads)
            for (clock, threads), times in self._times.items()
            if times.rounds(plan) >= FEWEST_ROUNDS
        ]
        # A few rounds of wall time before others came must not hide many by a better clock.
        narrowest = min((speed.speedup.half_width for speed in found), default=0.0)
        return next((s for s in found if s.speedup.half_width <= MUCH_WIDER * narrowest), None)


class ClassTimes:
    """Ratios of every class to a call that reuses nothing, and what follows for plans.

    A ratio is the median over rounds, in each of which both calls were made right after each other.
    Rounds are drawn with replacement, within their pass, for the intervals.

    Args:
        passes: of one clock.
    """

    def __init__(self, passes: Sequence[TimingPass]) -> None:
        self._rounds = [entry for timed in passes for entry in timed.rounds]
        self._ends = np.cumsum([len(timed.rounds) for timed in passes])
        self._medians: dict[tuple[str, str], Numbers] = {}
        self._drawn: npt.NDArray[np.int64] | None = None

    def rounds(self, plan: TimedPlan) -> int:
        """How many rounds the class of a plan has that has the fewest."""
        timed = [name for name in _timed(plan) if name != _ALL]  # Those are the unit.
        counts = [sum(name in r.seconds for r in self._rounds) for name in timed]
        both = {str(plan.steps), str(plan.baseline_steps or plan.steps)}
        counts.append(sum(both <= r.sampler.keys() for r in self._rounds))
        return min(counts)

    def speed(self, plan: TimedPlan, clock: ClockName, threads: int) -> Speed:
        """What follows for a plan; its classes must have been timed."""
        sampler = self._median("sampler", str(plan.steps))
        method = sampler + sum(
            count * self._median("class", name) for name, count in _timed(plan).items()
        )
        calls_made = sampler + plan.calls
        baseline = calls_made
        if plan.baseline_calls is not None:
            steps = str(plan.baseline_steps or plan.steps)
            baseline = self._median("sampler", steps) + plan.baseline_calls
        speedup = _figure(baseline / method)
        looked_at = any(entry.parts for entry in self._rounds)
        saved = sum(
            plan.reused[kind] * self._median("part", kind)
            for kind in KINDS
            if plan.reused.get(kind) and looked_at
        )
        bound = _figure(np.asarray(baseline / (calls_made - saved) + 0 * method))
        call = float(np.median([s for r in self._rounds for s in r.reference.values()]))
        calls = max(sum(r.calls for r in self._rounds), 1)
        return Speed(
            speedup=speedup,
            bound=bound if looked_at else None,
            seconds=float(method[0]) * call,
            baseline_seconds=float(baseline[0]) * call,
            clock=clock,
            threads=threads,
            rounds=self.rounds(plan),
            disturbed=sum(r.disturbed for r in self._rounds) / calls,
            others=self._mean("others"),
            slowed=self._mean("gpu_throttled") or 0.0,
            control=self._control(plan),
        )

    def _control(self, plan: TimedPlan) -> Figure | None:
        control = TimedPlan(plan.steps, plan.calls, {_ALL: plan.calls}, {})
        if self.rounds(control) < FEWEST_ROUNDS:
            return None
        sampler = self._median("sampler", str(plan.steps))
        method = sampler + plan.calls * self._median("class", CONTROL)
        return _figure((sampler + plan.calls) / method)

    def _mean(self, reading: str) -> float | None:
        """Of what was seen of the machine; None if it was not."""
        seen = [r.machine[reading] for r in self._rounds if reading in r.machine]
        return float(np.mean(seen)) if seen else None

    def _median(self, what: str, name: str) -> Numbers:
        """First the median of all rounds, then those of resamples; in calls that reuse nothing."""
        if (what, name) not in self._medians:
            values = np.array([_ratio(entry, what, name) for entry in self._rounds])
            whole = _medians(values[None])
            drawn = _medians(values[self._draws()])
            # A draw that has missed all rounds of a class has no median: it is made of the whole.
            drawn = np.where(np.isnan(drawn), whole, drawn)
            self._medians[what, name] = np.concatenate([whole, drawn])
        return self._medians[what, name]

    def _draws(self) -> npt.NDArray[np.int64]:
        """(resamples, rounds): one for all that was in a round, so that it stays together."""
        if self._drawn is None:
            generator = np.random.default_rng(SEED)
            starts = [0, *self._ends[:-1]]
            self._drawn = np.concatenate(
                [
                    generator.integers(start, end, (RESAMPLES, end - start))
                    for start, end in zip(starts, self._ends, strict=True)
                ],
                axis=1,
            )
        return self._drawn


def _medians(rows: Numbers) -> Numbers:
    """The median of every row, without what is not known; NaN where nothing is."""
    ordered = np.sort(rows, axis=1)  # Unknown ones come last.
    known = (~np.isnan(ordered)).sum(axis=1, keepdims=True)
    middle = [np.maximum(known - 1, 0) // 2, np.minimum(known // 2, ordered.shape[1] - 1)]
    low, high = (np.take_along_axis(ordered, place, axis=1)[:, 0] for place in middle)
    return np.where(known[:, 0] % 2 == 1, low, low + (high - low) / 2)


def _timed(plan: TimedPlan) -> dict[str, int]:
    """The classes whose times are added up.

    Calls of a baseline are the unit; a plan of nothing else is a control and has its own, unless it
    makes fewer of them.
    """
    if set(plan.classes) == {_ALL} and plan.baseline_calls is None:
        return {CONTROL: plan.classes[_ALL]}
    return dict(plan.classes)


def _ratio(entry: Round, what: str, name: str) -> float:
    if what == "part":
        return entry.parts.get(name, np.nan)
    if what == "sampler":
        if name not in entry.sampler or not entry.reference:
            return np.nan
        return entry.sampler[name] / float(np.median(list(entry.reference.values())))
    if name == _ALL:
        return 1.0
    if name not in entry.seconds:
        return np.nan
    return entry.seconds[name] / entry.reference[name]


def _figure(values: Numbers) -> Figure:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values[1:], [tail, 1 - tail])
    return Figure(float(values[0]), float(low), float(high))
