"""Speedups and their intervals from rounds whose times are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from timings.made import ALL, BASELINE, HALF, PLAN, SPEEDUP, TAKES, TENTH, made_pass, made_round

from pab_bench.timings.estimate import FEWEST_ROUNDS, Estimator, _medians
from pab_bench.timings.rounds import CONTROL, Round, TimedPlan

ENOUGH = [made_round()] * FEWEST_ROUNDS


def speed(*passes, plan=PLAN):
    return Estimator(passes).speed(plan)


def test_calls_are_added_up():
    found = speed(made_pass([made_round(call_s=0.5, disturbed=1)] * 8))
    figure = found.speedup
    assert figure.value == figure.low == figure.high == pytest.approx(SPEEDUP)
    assert figure.half_width == 0
    assert found.baseline_seconds == pytest.approx(6)
    assert found.seconds == pytest.approx(6 / SPEEDUP)
    assert (found.rounds, found.clock, found.threads) == (8, "wall", 1)
    assert found.disturbed == 1 / 4


def test_what_was_seen_of_the_machine_is_averaged():
    readings = (
        {"others": 0.5},
        {"others": 1.5, "gpu_throttled": 1.0},
        {"gpu_throttled": 0.0},
        {},
        {},
    )
    rounds = [replace(made_round(), machine=seen) for seen in readings]
    found = speed(made_pass(rounds))
    assert (found.others, found.slowed) == (1.0, 0.5)
    unseen = speed(made_pass(ENOUGH))
    assert (unseen.others, unseen.slowed) == (None, 0.0)


@given(st.lists(st.floats(1e-4, 1e4), min_size=FEWEST_ROUNDS, max_size=30))
def test_what_all_calls_of_a_round_have_in_common_cancels(call_s):
    figure = speed(made_pass([made_round(seconds) for seconds in call_s])).speedup
    assert [figure.value, figure.low, figure.high] == pytest.approx([SPEEDUP] * 3, rel=1e-9)


def test_a_bound_is_what_reusing_at_no_cost_would_give():
    # Of 12 calls' time 4 quarters and 2 quarters are saved.
    bound = speed(made_pass(ENOUGH)).bound
    assert [bound.value, bound.low, bound.high] == pytest.approx([12 / (12 - 1.5)] * 3)
    assert speed(made_pass([made_round(parts={})] * 5)).bound is None
    # Some rounds are enough to look at; the bound of what reuses nothing is 1.
    some = [*[made_round(parts={})] * 5, *ENOUGH]
    assert speed(made_pass(some)).bound == bound
    assert speed(made_pass(some), plan=BASELINE).bound.value == 1


def test_a_control_has_the_ratio_of_calls_that_are_the_same():
    found = speed(made_pass([made_round(takes={**TAKES, CONTROL: 1.1})] * 5), plan=BASELINE)
    assert found.speedup.value == pytest.approx(12 / 13)
    # Of other plans that ratio is no part: what reuses nothing is the unit.
    assert speed(made_pass([made_round(takes={**TAKES, CONTROL: 1.1})] * 5)).speedup.value == (
        pytest.approx(SPEEDUP)
    )


@pytest.mark.parametrize(
    ("ways", "chosen"),
    [
        ([("cpu", 1), ("wall", 1)], ("wall", 1)),
        ([("wall", 1), ("wall", 8), ("cpu", 1), ("wall", 4)], ("wall", 8)),
        ([("cuda", 1)], ("cuda", 1)),
    ],
)
def test_wall_time_and_more_threads_are_preferred(ways, chosen):
    passes = []
    for clock, threads in ways:
        takes = {HALF: 0.5, TENTH: 0.1} if (clock, threads) == chosen else {HALF: 1, TENTH: 1}
        passes.append(made_pass([made_round(takes=takes)] * 5, clock, threads))
    found = speed(*passes)
    assert (found.clock, found.threads) == chosen
    assert found.speedup.value == pytest.approx(SPEEDUP)


def test_too_few_rounds_say_nothing():
    few = [made_round()] * (FEWEST_ROUNDS - 1)
    assert speed() is None
    assert speed(made_pass(few)) is None
    # Rounds of different clocks are not added; those of the same are, over all passes.
    assert speed(made_pass(few), made_pass(few, "cpu")) is None
    assert speed(made_pass(few), made_pass(few)).rounds == 2 * len(few)
    assert speed(made_pass(few), made_pass(ENOUGH, "cpu")).clock == "cpu"


def test_every_class_and_the_sampler_must_be_known():
    without = [made_round(takes={HALF: 0.5})] * 20
    assert speed(made_pass(without)) is None
    mixed = [*without, *ENOUGH]
    assert speed(made_pass(mixed)).rounds == FEWEST_ROUNDS
    assert speed(made_pass(mixed)).speedup.value == pytest.approx(SPEEDUP)
    other = TimedPlan(50, 50, {ALL: 50}, {})
    assert speed(made_pass(mixed), plan=other) is None


def test_a_class_that_is_seldom_timed_has_an_interval():
    seldom = [made_round(takes={HALF: 0.5})] * 95 + [
        made_round(takes={**TAKES, TENTH: 0.1 + 0.01 * n}) for n in range(5)
    ]
    figure = speed(made_pass(seldom)).speedup
    assert math.isfinite(figure.low)
    assert figure.low < figure.value < figure.high


def test_rounds_are_drawn_within_their_pass():
    """Otherwise a difference between two passes would be in the interval many times over."""
    faster, slower = ([made_round(takes={**TAKES, HALF: share})] * 5 for share in (0.4, 0.6))
    figure = speed(made_pass(faster), made_pass(slower)).speedup
    assert figure.value == figure.low == figure.high == pytest.approx(SPEEDUP)


def noisy_pass(generator, rounds, noise=0.04, outliers=0.06):
    """Times with a spread of `noise`; of every call, some are much longer."""

    def times(true):
        drawn = true * np.exp(noise * generator.standard_normal(rounds))
        slow = generator.random(rounds) < outliers
        return np.where(slow, drawn * (1.3 + 2 * generator.random(rounds)), drawn)

    drift = np.exp(np.cumsum(0.05 * generator.standard_normal(rounds)))
    calls = {name: times(share) * drift for name, share in TAKES.items()}
    references = {name: (times(1.0) + times(1.0)) / 2 * drift for name in TAKES}
    sampler = times(2.0) * drift
    return made_pass(
        [
            Round(
                {name: float(values[n]) for name, values in calls.items()},
                {name: float(values[n]) for name, values in references.items()},
                {"10": float(sampler[n])},
            )
            for n in range(rounds)
        ]
    )


def test_intervals_hold_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(1)
    figures = [speed(noisy_pass(generator, 24)).speedup for _ in range(200)]
    held = np.mean([figure.low <= SPEEDUP <= figure.high for figure in figures])
    assert held >= 0.9
    assert np.mean([figure.value for figure in figures]) == pytest.approx(SPEEDUP, rel=0.003)
    # And they do not hold it because they are wide.
    assert np.mean([figure.half_width for figure in figures]) < 0.01


def test_intervals_shrink_with_rounds():
    generator = np.random.default_rng(2)
    widths = [
        np.mean([speed(noisy_pass(generator, rounds)).speedup.half_width for _ in range(10)])
        for rounds in (10, 40, 160)
    ]
    assert widths[1] < 0.7 * widths[0]
    assert widths[2] < 0.7 * widths[1]


numbers = st.floats(-1e6, 1e6) | st.just(math.nan)


@given(arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=numbers))
@pytest.mark.filterwarnings("ignore:All-NaN")
def test_medians_are_those_of_numpy(rows):
    assert _medians(rows) == pytest.approx(np.nanmedian(rows, axis=1), rel=1e-12, nan_ok=True)


def test_fewer_steps_are_held_against_the_calls_of_all_steps():
    both = replace(made_round(), sampler={"10": 2.0, "4": 1.0})
    fewer = TimedPlan(4, 4, {ALL: 4}, {}, baseline_steps=10, baseline_calls=10)
    found = speed(made_pass([both] * FEWEST_ROUNDS), plan=fewer)
    assert found.speedup.value == pytest.approx((2 + 10) / (1 + 4))
    assert found.bound.value == pytest.approx(found.speedup.value)
    assert found.baseline_seconds == pytest.approx(12)
    assert found.seconds == pytest.approx(5)
    # The sampler of both numbers of steps must have been timed.
    assert speed(made_pass(ENOUGH), plan=fewer) is None
