"""Calls all classes in turns until the speedups are known, or the time is up."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import torch

from pab_bench.engine.kinds import KINDS
from pab_bench.probes.site_times import SiteTimes
from pab_bench.speed.bench import Bench
from pab_bench.speed.captured import Captured, Timeable
from pab_bench.speed.clocks import (
    CallClock,
    Mark,
    ProcessClock,
    TooNoisy,
    first_clock,
    one_thread,
    wait_for,
)
from pab_bench.speed.watch import Watch
from pab_bench.timings.call_classes import BASELINE, CallClass, Keeping
from pab_bench.timings.estimate import FEWEST_ROUNDS, ClassTimes
from pab_bench.timings.rounds import CONTROL, Round, TimedPlan, TimingPass

ROUNDS = 10
"""At least so many, since intervals from fewer are too narrow; `FEWEST_ROUNDS` and one more, if
they are narrower by half than they must be."""
LOOKED_AT = 6
"""So many first rounds also time the kinds of sites."""
BETWEEN_REFERENCES = 4
"""Calls between two that reuse nothing."""
MOST_IN_A_ROUND = 4
"""Calls of the control, which is all of its plan; of others by their share of a plan."""
OFTEN, SELDOM = 0.125, 0.04
"""Classes with that share of a plan's calls are once in every round; rarer ones in proportion, but
not more seldom than those with this one."""
SHORTEST_S = 0.01
"""A shorter call is made several times in a row."""
_MOST_IN_A_ROW = 64
DRIFT = 1.25
"""By so much the references before and after a call may differ."""
_PILOT, _MOST_DISTURBED, _WINDOW = 6, 0.25, 24
"""After so many calls, the largest share of the last ones that may be disturbed by others."""


@dataclass(frozen=True)
class PassLimits:
    """When a pass may end.

    Attributes:
        precision: half of a speedup's interval, as a share of it.
        budget_s: seconds after which it ends in any case.
    """

    precision: float
    budget_s: float


@dataclass(frozen=True)
class PassInput:
    """What is timed.

    Attributes:
        scene: the model and what it samples.
        device: where.
        steps: numbers of denoising steps of the plans.
        classes: of calls.
        plans: made of these classes; their speedups decide when it is enough.
        before: passes of earlier, which count.
    """

    scene: Timeable
    device: str
    steps: Sequence[int]
    classes: Sequence[CallClass]
    plans: Sequence[TimedPlan]
    before: Sequence[TimingPass] = field(default_factory=tuple)


def run_pass(given: PassInput, limits: PassLimits, seed: int = 0) -> TimingPass | None:
    """Time classes in rounds; None if the time was up before there were enough of them.

    On a processor that others want, too, wall time means nothing: then all is timed by one thread
    and its processor time.

    Args:
        given: what is timed.
        limits: when it ends.
        seed: of the orders.
    """
    start = time.monotonic()
    end = start + limits.budget_s
    threads = torch.get_num_threads()
    captured = given.scene.capture(min(given.steps))
    try:
        timed = _Pass(given, captured, first_clock(given.device), threads, seed).run(limits, end)
    except TooNoisy:
        with one_thread():
            timed = _Pass(given, captured, ProcessClock(), 1, seed).run(limits, end)
    return None if timed is None else replace(timed, took_s=time.monotonic() - start)


@dataclass(frozen=True)
class _Timed:
    name: str
    start: Mark
    end: Mark
    calls: int


class _Pass:
    def __init__(
        self,
        given: PassInput,
        captured: Sequence[Captured],
        clock: CallClock,
        threads: int,
        seed: int,
    ) -> None:
        self._given = given
        self._captured = captured
        self._clock = clock
        self._threads = threads
        self._random = random.Random(seed)
        self._in_a_row: defaultdict[str, int] = defaultdict(lambda: 1)
        self._recent: deque[bool] = deque(maxlen=_WINDOW)
        self._watch = Watch(given.device)
        architecture = given.scene.architecture
        ways: dict[Keeping | None, list[CallClass]] = defaultdict(list)
        for kind in given.classes:
            if kind != BASELINE:
                ways[kind.keeping].append(kind)
        self._weights = _weights(given)
        self._good: Counter[str] = Counter()
        self._benches = [
            (Bench(architecture, captured, [BASELINE, *kinds]), kinds)
            for kinds in (ways or {None: []}).values()
        ]
        self._ways = len(self._benches)
        self._bare = Bench(architecture, captured, [BASELINE])

    def run(self, limits: PassLimits, end: float) -> TimingPass | None:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        rounds: list[Round] = []

        def timed() -> TimingPass:
            return TimingPass(self._clock.name, self._threads, created, rounds)

        self._warm_up()
        while time.monotonic() < end:
            rounds.append(self._round(with_parts=len(rounds) < LOOKED_AT))
            if self._is_enough(timed(), limits):
                break
        return timed() if len(rounds) >= FEWEST_ROUNDS else None

    def _warm_up(self) -> None:
        """Every kind of call once, and once more to see how long it takes."""
        for bench, kinds in self._benches:
            with bench.attached():
                for kind in (BASELINE, *kinds):
                    for _ in range(2):
                        wait_for(self._given.device)
                        start = self._clock.mark()
                        bench.call(kind)
                        wait_for(self._given.device)
                        end = self._clock.mark()
                        self._is_disturbed(start, end)
                    took = max(end.wall - start.wall, 1e-6)
                    self._in_a_row[str(kind)] = min(_MOST_IN_A_ROW, math.ceil(SHORTEST_S / took))
        self._in_a_row[CONTROL] = self._in_a_row[str(BASELINE)]

    def _round(self, with_parts: bool) -> Round:
        seconds: dict[str, float] = {}
        reference: dict[str, float] = {}
        calls = disturbed = 0
        # Benches take turns, since each keeps outputs in its own way.
        for number, (bench, kinds) in enumerate(self._random.sample(self._benches, self._ways)):
            # The control is a class like any other.
            order: list[CallClass | None] = [k for k in kinds for _ in range(self._wanted(k))]
            order += [None] * (MOST_IN_A_ROUND if number == 0 else 0)
            self._random.shuffle(order)
            with bench.attached():
                runs = self._calls(bench, order)
            calls += len(order)
            disturbed += self._enter(runs, seconds, reference)
        self._good.update(seconds.keys())  # Counted: an update by a mapping would add seconds.
        sampler = {
            str(steps): self._clock.seconds(*self._without_transformer(steps))
            for steps in set(self._given.steps)
        }
        parts = self._parts() if with_parts and reference else {}
        if parts:
            # Of a call without clocks around its sites, which take time between them, too.
            whole = statistics.median(reference.values())
            parts = {kind: seconds / whole for kind, seconds in parts.items()}
        seen = self._watch.look()
        return Round(seconds, reference, sampler, parts, calls, disturbed, seen)

    def _wanted(self, kind: CallClass) -> int:
        """How often a class is in a round: the time of rare calls need not be so exact."""
        weight = self._weights.get(str(kind), 0.0)
        often = round(MOST_IN_A_ROUND * weight)
        if often >= 1 or self._good[str(kind)] < FEWEST_ROUNDS + 1:
            return max(often, 1)
        return int(self._random.random() * OFTEN < weight)

    def _calls(self, bench: Bench, order: Sequence[CallClass | None]) -> list[_Timed]:
        bench.call(BASELINE)  # What comes first after a pause takes longer.
        runs = [self._call(bench, None, "")]
        for number, kind in enumerate(order, start=1):
            runs.append(self._call(bench, kind, CONTROL if kind is None else str(kind)))
            if number % BETWEEN_REFERENCES == 0 or number == len(order):
                runs.append(self._call(bench, None, ""))
        wait_for(self._given.device)
        return runs

    def _call(self, bench: Bench, kind: CallClass | None, name: str) -> _Timed:
        """Make calls of a class; None is the baseline's, without a name a reference."""
        count = self._in_a_row[name or CONTROL]
        start = self._clock.mark()
        for _ in range(count):
            bench.call(kind or BASELINE)
        run = _Timed(name, start, self._clock.mark(), count)
        self._is_disturbed(run.start, run.end)
        return run

    def _enter(
        self, runs: Sequence[_Timed], seconds: dict[str, float], reference: dict[str, float]
    ) -> int:
        """Enter what was not disturbed; how many calls were."""
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        took = [self._clock.seconds(run.start, run.end) / run.calls for run in runs]
        good = [not self._clock.disturbed(run.start, run.end) for run in runs]
        references = [number for number, run in enumerate(runs) if not run.name]
        left_out = 0
        for number, run in enumerate(runs):
            if not run.name:
                continue
            before = max(n for n in references if n < number)
            after = min(n for n in references if n > number)
            steady = max(took[before], took[after]) < DRIFT * min(took[before], took[after])
            if good[before] and good[number] and good[after] and steady:
                # One of the two, not their mean: delays have a long tail, so that the median of
                # means is larger than that of single calls.
                found[run.name].append((took[number], took[self._random.choice((before, after))]))
            else:
                left_out += 1
        for name, pairs in found.items():
            seconds[name], reference[name] = self._median_pair(pairs)
        return left_out

    def _median_pair(self, pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """The pair whose ratio is the median; of two in the middle either.

        Both were made right after each other: medians of each side would not belong together.
        """
        ordered = sorted(pairs, key=lambda pair: pair[0] / pair[1])
        return ordered[(len(ordered) - self._random.randint(0, 1)) // 2]

    def _without_transformer(self, steps: int) -> tuple[Mark, Mark]:
        start, end = self._given.scene.without_transformer(self._captured, steps, self._clock.mark)
        return start, end

    def _parts(self) -> dict[str, float]:
        """Of a call that reuses nothing the seconds of every kind of site."""
        probe = SiteTimes(self._given.device, inside=False, clock=self._clock.clock)
        with self._bare.attached(probe):
            start = self._clock.mark()
            self._bare.call(BASELINE)
            disturbed = self._clock.disturbed(start, self._clock.mark())
        row = probe.rows()[-1]  # The baseline's call, after the one that keeps.
        return {} if disturbed else {kind: row[f"{kind}_s"] for kind in KINDS}

    def _is_disturbed(self, start: Mark, end: Mark) -> bool:
        """Whether a call was.

        Raises:
            TooNoisy: if too many of the last ones were.
        """
        disturbed = self._clock.disturbed(start, end)
        self._recent.append(disturbed)
        if len(self._recent) >= _PILOT and statistics.mean(self._recent) > _MOST_DISTURBED:
            raise TooNoisy
        return disturbed

    def _is_enough(self, timed: TimingPass, limits: PassLimits) -> bool:
        rounds = len(timed.rounds)
        if rounds <= FEWEST_ROUNDS:
            return False
        precision = limits.precision if rounds >= ROUNDS else limits.precision / 2
        same = [
            p for p in self._given.before if (p.clock, p.threads) == (timed.clock, timed.threads)
        ]
        times = ClassTimes([*same, timed])
        return all(
            times.rounds(plan) >= FEWEST_ROUNDS
            and times.speed(plan, timed.clock, timed.threads).speedup.half_width <= precision
            for plan in self._given.plans
        )


def _weights(given: PassInput) -> dict[str, float]:
    """By class the largest share of the calls of a plan, at least `SELDOM`."""
    found: dict[str, float] = {}
    for plan in given.plans:
        for name, count in plan.classes.items():
            found[name] = max(found.get(name, SELDOM), count / plan.calls)
    return found


def controls(plans: Sequence[TimedPlan]) -> list[TimedPlan]:
    """A control for every number of steps, so that each pass has one."""
    found = {p.steps: p for p in plans}
    return [TimedPlan(p.steps, p.calls, {str(BASELINE): p.calls}, {}) for p in found.values()]
