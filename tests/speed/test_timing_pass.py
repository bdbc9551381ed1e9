"""Rounds of calls by a clock that is told what each of them takes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch
from engine.toy import GROUPS
from speed.toy_scene import CALL, STEP, TAKES, TIMES, Told, ToldClock, call_takes, tell

from pab_bench.engine.cache_options import CacheOptions
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.speed import timing_pass
from pab_bench.speed.timing_pass import LOOKED_AT, PassInput, PassLimits, controls, run_pass
from pab_bench.speed.wanted import WantedPlan
from pab_bench.timings import estimate
from pab_bench.timings.call_classes import Keeping, plan_calls
from pab_bench.timings.estimate import FEWEST_ROUNDS, Estimator
from pab_bench.timings.rounds import CONTROL, Round, TimedPlan, TimingPass

WHEN = (150, 850)
PLAN = make_plan(
    Rules(spatial=GapRule(True, WHEN, 2), temporal=GapRule(True, WHEN, 3)), TIMES, 2, GROUPS
)
PRECISE = PassLimits(precision=0.01, budget_s=1e9)
FEWEST = FEWEST_ROUNDS + 1
"""After so many rounds a pass may end, if all is exact."""


@pytest.fixture
def told(monkeypatch):
    """The only time that passes in a pass; `told.clocks` are those that it uses."""
    told = Told()
    told.clocks = {"wall": ToldClock(told), "cpu": ToldClock(told, "cpu")}
    monkeypatch.setattr(timing_pass, "time", told)
    monkeypatch.setattr(estimate, "RESAMPLES", 199)  # After every round.
    monkeypatch.setattr(timing_pass, "first_clock", lambda device: told.clocks["wall"])
    monkeypatch.setattr(timing_pass, "ProcessClock", lambda: told.clocks["cpu"])
    return told


def given(toy, *wanted, before=()):
    wanted = wanted or (WantedPlan(PLAN, len(TIMES), Keeping()),)
    plans = [one.timed() for one in wanted]
    kinds = [kind for one in wanted for kind in plan_calls(one.plan, one.keeping).classes]
    classes = list(dict.fromkeys(kinds))
    return PassInput(toy, "cpu", [len(TIMES)], classes, [*plans, *controls(plans)], before)


def video_takes(plan):
    return len(TIMES) * STEP + sum(call_takes(plan, call) for call in range(len(TIMES)))


def test_ratios_are_those_of_what_is_computed(toy, told):
    tell(toy, told)
    asked = given(toy)
    timed = run_pass(asked, PRECISE)
    method, control = (Estimator([timed]).speed(plan) for plan in asked.plans)
    whole = len(TIMES) * (STEP + CALL)
    assert method.speedup.value == pytest.approx(whole / video_takes(PLAN))
    assert control.speedup.value == pytest.approx(1)
    for figure in (method.speedup, control.speedup):
        assert figure.half_width == pytest.approx(0, abs=1e-12)
    assert method.baseline_seconds == pytest.approx(whole)
    assert method.seconds == pytest.approx(video_takes(PLAN))
    # Nothing but the sites takes time that is reused, and reusing takes none.
    assert method.bound.value == pytest.approx(method.speedup.value)
    assert (timed.clock, timed.threads) == ("wall", torch.get_num_threads())


def test_a_round_has_all_classes_and_what_is_around_them(toy, told):
    tell(toy, told)
    asked = given(toy)
    timed = run_pass(asked, PassLimits(-1, 1500))
    timed = replace(timed, rounds=timed.rounds[: LOOKED_AT + 1])
    names = {str(kind) for kind in asked.classes} - {"computes all"}
    assert len(names) == 3
    for entry in timed.rounds:
        assert set(entry.seconds) == set(entry.reference) == {*names, CONTROL}
        assert set(entry.reference.values()) == {CALL}
        assert entry.sampler == {"5": len(TIMES) * STEP}
        assert entry.disturbed == 0
        assert "own" in entry.machine
    count = {"spatial": 2, "temporal": 2, "cross": 2, "mlp": 4}
    parts = {kind: count[kind] * TAKES[kind] / CALL for kind in count}
    assert [entry.parts for entry in timed.rounds] == [parts] * LOOKED_AT + [{}]


def test_it_ends_when_all_is_exact(toy, told):
    tell(toy, told)
    start = told.now
    timed = run_pass(given(toy), PRECISE)
    assert len(timed.rounds) == FEWEST
    assert timed.took_s == told.now - start > 0


def test_ways_to_keep_outputs_are_timed_in_turns(toy, told):
    tell(toy, told)
    ways = Keeping(), Keeping("ungated"), Keeping(cache=CacheOptions("float16"))
    asked = given(toy, *(WantedPlan(PLAN, len(TIMES), keeping) for keeping in ways))
    timed = run_pass(asked, PRECISE)
    speeds = [Estimator([timed]).speed(plan).speedup.value for plan in asked.plans]
    expected = len(TIMES) * (STEP + CALL) / video_takes(PLAN)
    assert speeds == pytest.approx([expected] * 3 + [1])
    # One control a round, whatever there is.
    assert all(CONTROL in entry.seconds for entry in timed.rounds)


def noisy(seed, spread=0.05):
    generator = random.Random(seed)
    return lambda: generator.lognormvariate(0, spread)


def test_it_goes_on_until_all_is_exact(toy, told):
    tell(toy, told, noise=noisy(1))
    asked = given(toy)
    rounds = []
    for precision in (0.05, 0.004):
        timed = run_pass(asked, PassLimits(precision, 1e9))
        rounds.append(len(timed.rounds))
        for plan in asked.plans:
            found = Estimator([timed]).speed(plan).speedup
            assert found.half_width <= precision
        expected = len(TIMES) * (STEP + CALL) / video_takes(PLAN)
        assert Estimator([timed]).speed(asked.plans[0]).speedup.value == pytest.approx(
            expected, rel=2 * precision
        )
    assert FEWEST <= rounds[0] < rounds[1]
    # What was timed before counts.
    again = run_pass(given(toy, before=[timed]), PassLimits(0.007, 1e9))
    assert len(again.rounds) <= 10
    other = TimingPass("cuda", 1, "", timed.rounds)
    assert len(run_pass(given(toy, before=[other]), PassLimits(0.006, 1e9)).rounds) > 10


def test_it_ends_when_the_time_is_up(toy, told):
    tell(toy, told, noise=noisy(2))
    start = told.now
    timed = run_pass(given(toy), PassLimits(1e-9, 3000))
    round_takes = 3000 / len(timed.rounds)
    assert len(timed.rounds) > 10
    assert 3000 <= told.now - start < 3000 + 1.5 * round_takes


@pytest.mark.parametrize("budget_s", [0, 400])
def test_too_few_rounds_are_none(toy, told, budget_s):
    tell(toy, told)
    assert run_pass(given(toy), PassLimits(0.01, budget_s)) is None
    assert told.now >= budget_s


def test_seldom_calls_are_timed_less_often(toy, told):
    tell(toy, told, unit=1 / 256, noise=noisy(3))
    asked = given(toy)
    often, seldom, _ = (str(kind) for kind in asked.classes if not kind.computes_all)
    plan = TimedPlan(5, 1000, {"computes all": 300, often: 690, seldom: 10}, {})
    asked = PassInput(toy, "cpu", [5], asked.classes, [plan])
    timed = run_pass(asked, PassLimits(1e-9, 40))
    rounds = len(timed.rounds)
    assert rounds > 40
    count = Counter(name for entry in timed.rounds for name in entry.seconds)
    assert count[often] == count[CONTROL] == rounds
    assert FEWEST <= count[seldom] < 0.5 * rounds


def test_short_calls_are_made_in_a_row(toy, told):
    tell(toy, told, unit=2**-14)  # A call that reuses nothing takes 0.92 ms: 11 make 10 ms.
    made = []
    toy.sampler.transformer.register_forward_pre_hook(lambda *_: made.append(told.now))
    timed = run_pass(given(toy), PRECISE)
    assert {e.reference[CONTROL] for e in timed.rounds} == {CALL * 2**-14}
    # Of every round at least 2 references and a control of 11 calls each, and two classes.
    assert len(made) > FEWEST * 5 * 11


def test_what_was_disturbed_is_left_out(toy, told):
    tell(toy, told)
    # Something else runs for a moment every 96 seconds.
    told.clocks["wall"] = ToldClock(told, disturbed=lambda start, end: start // 96 < end // 96)
    asked = given(toy)
    timed = run_pass(asked, PassLimits(1e-9, 5000))
    assert timed.clock == "wall"
    left_out = sum(entry.disturbed for entry in timed.rounds)
    assert left_out > 0
    made = sum(entry.calls for entry in timed.rounds)
    assert made > sum(len(entry.seconds) for entry in timed.rounds)
    assert Estimator([timed]).speed(asked.plans[0]).disturbed == left_out / made
    assert any(entry.parts == {} for entry in timed.rounds)


def test_a_call_between_references_that_differ_is_left_out(toy, told):
    generator = random.Random(7)
    speed = 1.0

    def throttles():  # At times the processor becomes slower by a third, or fast again.
        nonlocal speed
        if generator.random() < 0.02:
            speed = {1.0: 1.5, 1.5: 1.0}[speed]
        return speed

    tell(toy, told, noise=throttles)
    timed = run_pass(given(toy), PassLimits(1e-9, 3000))
    assert any(entry.disturbed for entry in timed.rounds)
    for entry in timed.rounds:
        for reference in entry.reference.values():
            assert CALL <= reference <= 1.5 * CALL
        # Both references of a control are near each other: so is what is between them.
        ratio = entry.seconds.get(CONTROL, 1) / entry.reference.get(CONTROL, 1)
        assert 0.7 < ratio < 1.4


def busy(told):
    told.clocks["wall"] = ToldClock(told, disturbed=lambda start, end: True)


def test_a_busy_machine_is_timed_by_one_thread(toy, told, two_threads):
    tell(toy, told)
    busy(told)
    threads = []
    toy.sampler.transformer.register_forward_hook(
        lambda *_: threads.append(torch.get_num_threads())
    )
    asked = given(toy)
    timed = run_pass(asked, PRECISE)
    assert (timed.clock, timed.threads, len(timed.rounds)) == ("cpu", 1, FEWEST)
    assert torch.get_num_threads() == 2
    assert threads.index(1) < 20
    assert set(threads[threads.index(1) :]) == {1}
    speed = Estimator([timed]).speed(asked.plans[0])
    assert speed.speedup.value == pytest.approx(len(TIMES) * (STEP + CALL) / video_takes(PLAN))
    assert speed.how.startswith("processor time of one thread")


def test_a_machine_that_is_busy_later_is_timed_anew(toy, told, two_threads):
    tell(toy, told, noise=noisy(5))
    told.clocks["wall"] = ToldClock(told, disturbed=lambda start, end: end > 500)
    timed = run_pass(given(toy), PassLimits(0.02, 1e9))
    assert (timed.clock, timed.threads) == ("cpu", 1)
    assert not any(entry.disturbed for entry in timed.rounds)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("fails_with", [1, 2])
def test_threads_and_modules_are_as_before_after_an_exception(toy, told, two_threads, fails_with):
    tell(toy, told)
    busy(told)
    transformer = toy.sampler.transformer
    hooks = dict(transformer._forward_hooks)

    def fails(*_):
        if torch.get_num_threads() == fails_with and told.now > 30:
            raise torch.OutOfMemoryError("out of memory")

    hook = transformer.register_forward_hook(fails)
    with pytest.raises(torch.OutOfMemoryError):
        run_pass(given(toy), PRECISE)
    hook.remove()
    assert torch.get_num_threads() == 2
    assert not any("forward" in module.__dict__ for module in transformer.modules())
    assert dict(transformer._forward_hooks) == hooks


def test_orders_follow_from_the_seed(toy, told):
    tell(toy, told, noise=noisy(6))
    computed = []
    for seed in (0, 0, 1):
        toy.take_computed()
        run_pass(given(toy), PassLimits(1e-9, 1000), seed)
        computed.append(toy.take_computed())
    assert computed[0][:400] == computed[1][:400] != computed[2][:400]


def test_a_control_for_every_number_of_steps():
    plans = [TimedPlan(steps, steps + 1, {"x": steps + 1}, {}) for steps in (10, 20, 10)]
    assert controls(plans) == [
        TimedPlan(steps, steps + 1, {"computes all": steps + 1}, {}) for steps in (10, 20)
    ]


def test_a_plan_of_nothing_but_baselines_calls_is_a_control(toy, told):
    tell(toy, told)
    nothing = make_plan(Rules(), TIMES, 2, GROUPS)
    asked = given(toy, WantedPlan(nothing, len(TIMES), Keeping()))
    timed = run_pass(asked, PRECISE)
    assert isinstance(timed.rounds[0], Round)
    assert set(timed.rounds[0].seconds) == {CONTROL}
    assert Estimator([timed]).speed(asked.plans[0]).speedup.value == 1
