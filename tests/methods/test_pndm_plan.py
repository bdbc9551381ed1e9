"""Plans where the scheduler calls the transformer more often than there are steps."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL, TEMPORAL
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.systems.timesteps.pndm import pndm_timesteps

GOLDEN = Path(__file__).parents[1] / "fixtures" / "open_sora_plan" / "pab.json"
TEN_STEPS = pndm_timesteps(10)


def reused(plan, group, block=0):
    return "".join("01"[int(reuse)] for reuse in plan.reuse(group)[:, block])


def test_the_counter_begins_again_after_as_many_calls_as_there_are_steps():
    """At call 10 the temporal attention computes out of turn, as upstream's does."""
    golden = json.loads(GOLDEN.read_text())
    decisions = golden["configs"]["d_246_mlp"]["decisions"]["temporal"]["block_0"]
    rules = Rules(temporal=GapRule(True, (100, 850), 4))
    wrapped = make_plan(rules, TEN_STEPS, 1, (TEMPORAL,), counter_period=10)
    assert reused(wrapped, TEMPORAL) == decisions
    running = make_plan(rules, TEN_STEPS, 1, (TEMPORAL,))
    assert reused(running, TEMPORAL) != decisions
    assert reused(running, TEMPORAL)[:10] == decisions[:10]


rules = st.builds(
    lambda gap, low: Rules(spatial=GapRule(True, (low, low + 500), gap)),
    st.integers(1, 9),
    st.integers(0, 600),
)


@given(rules, st.integers(4, 60), st.integers(1, 80))
def test_a_period_repeats_the_pattern(rules, steps, period):
    times = pndm_timesteps(steps)
    plan = make_plan(rules, times, 1, (SPATIAL,), counter_period=period)
    expected = [
        rules.spatial.reuses(call % period, timestep, 0) for call, timestep in enumerate(times)
    ]
    assert plan.reuse(SPATIAL)[:, 0].tolist() == expected


@given(rules, st.integers(1, 60))
def test_without_a_period_the_counter_runs_on(rules, steps):
    times = list(range(10 * steps, 0, -10))
    plans = [make_plan(rules, times, 1, (SPATIAL,), period) for period in (None, steps)]
    assert plans[0].digest() == plans[1].digest()


@pytest.mark.parametrize("period", [0, -3])
def test_a_period_below_one_is_refused(period):
    with pytest.raises(ValueError, match=f"counter_period: must be at least 1, got {period}"):
        make_plan(Rules(), TEN_STEPS, 1, (SPATIAL,), counter_period=period)


def mlp_sources(*keys):
    rules = Rules(mlp_spatial=KeyRule(tuple(keys)))
    return make_plan(rules, TEN_STEPS, 1, (MLP_SPATIAL,)).source[MLP_SPATIAL][:, 0].tolist()


def test_a_key_at_a_repeated_timestep_computes_each_time_and_its_last_output_is_reused():
    """900 850 850 800 800 750 750 700 700 650 650 600 600 500 400 ...: 600 is called twice."""
    sources = mlp_sources(KeyTime(600, 2, frozenset({0})))
    assert sources == [*range(13), 12, *range(14, 19)]


def test_reach_is_counted_in_calls_but_covers_all_calls_of_a_timestep():
    # Two calls after the first of 750 comes the first of 700; both of 700 reuse. Upstream has
    # thrown the output away by the second, and fails.
    sources = mlp_sources(KeyTime(750, 2, frozenset({0})))
    assert sources == [*range(7), 6, 6, *range(9, 19)]
