import itertools

import numpy as np
import pytest
from advice.synthetic import CALLS, GROUPS, TIMES, plan_of, prices, some_lags
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.advice.exposure import exposure
from pab_bench.advice.search import not_beaten, search
from pab_bench.advice.space import (
    Options,
    block_ranges,
    kinds_of,
    options,
    rules_of,
    timing_rules,
    windows,
)
from pab_bench.advice.surrogate import prior
from pab_bench.engine.boundaries import first_alive, within_transformers
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL
from pab_bench.methods.rules import GapRule

ON = GapRule(True, (0, 1000), 2)


@st.composite
def spaces(draw):
    """Two or three kinds with a few rules each, with many ties."""
    kinds = draw(st.sampled_from([("spatial", "cross"), ("spatial", "temporal", "mlp")]))
    found = []
    for kind in kinds:
        count = draw(st.integers(1, 6))
        column = st.lists(st.integers(0, 8), min_size=count, max_size=count)
        error, saved, held = (np.array([0, *draw(column)]) for _ in range(3))
        rules = [GapRule(), *[GapRule(True, (0, 1000), gap + 2) for gap in range(count)]]
        found.append(Options(kind, rules, error.astype(float), saved, held))
    return found


@settings(max_examples=75, deadline=None)
@given(spaces(), st.none() | st.integers(0, 20))
def test_front_is_that_of_all_combinations(kinds, most):
    sums = [
        tuple(
            sum(int(c[n]) for c, n in zip(columns, place, strict=True))
            for columns in zip(*((o.error, o.saved, o.held) for o in kinds), strict=True)
        )
        for place in itertools.product(*(range(len(o.error)) for o in kinds))
    ]
    allowed = [s for s in sums if most is None or s[2] <= most]
    best = {
        (e, s)
        for e, s, _ in allowed
        if not any((e2 <= e and s2 > s) or (e2 < e and s2 >= s) for e2, s2, _ in allowed)
    }
    front = search(kinds, most)
    found = set(zip(front.error.astype(int).tolist(), front.saved.tolist(), strict=True))
    assert found == best
    assert most is None or (front.held <= most).all()
    assert not front.thinned
    assert (np.diff(front.saved) > 0).all()
    assert (np.diff(front.error) > 0).all()


@settings(max_examples=50, deadline=None)
@given(spaces())
def test_members_have_the_sums_that_they_name(kinds):
    front = search(kinds)
    for number, chosen in enumerate(front.chosen):
        error = saved = 0.0
        for own in kinds:
            rule = chosen.get(own.kind, GapRule())
            place = own.rules.index(rule)
            error, saved = error + own.error[place], saved + own.saved[place]
        assert (error, saved) == (front.error[number], front.saved[number])


def test_options_say_what_their_plan_would():
    lags, cost, surrogate = some_lags(), prices(), prior(GROUPS)
    found = options("mlp", plan_of(), CALLS, lags, surrogate, cost)
    assert found.rules[0] == GapRule()
    assert found.error[0] == found.saved[0] == found.held[0] == 0
    draw = np.random.default_rng(0)
    for place in draw.integers(1, len(found.rules), 30):
        plan = plan_of(rules_of({"mlp": found.rules[place]}), period=CALLS)
        assert surrogate.error(exposure(plan, lags)) == pytest.approx(found.error[place])
        saved = sum(int((plan.reuse(g) * cost.flops[g]).sum()) for g in GROUPS)
        assert saved == found.saved[place]


def test_options_do_not_reach_across_a_boundary():
    called = [0] * 7 + [1] * (CALLS - 7)
    lags, cost, surrogate = some_lags(), prices(), prior(GROUPS)
    for table in lags.mse.values():
        for call, first in enumerate(first_alive(called)):
            table[call, call - first + 1 :] = np.nan
    baseline = within_transformers(plan_of(), called)
    found = options("spatial", baseline, CALLS, lags, surrogate, cost)
    assert np.isfinite(found.error).all()
    for place in np.random.default_rng(0).integers(1, len(found.rules), 20):
        plan = plan_of(rules_of({"spatial": found.rules[place]}), period=CALLS)
        plan = within_transformers(plan, called)
        assert surrogate.error(exposure(plan, lags)) == pytest.approx(found.error[place])


def test_timings_are_distinct_and_restart_with_the_period():
    found = timing_rules(TIMES, 8, 4)
    assert len({table.tobytes() for _, table in found}) == len(found)
    for rule, table in found:
        assert rule.gap <= 4
        assert table[8] == 8  # The counter begins anew: what a gap divides is computed.
        assert table.max() <= CALLS - 1


def test_windows_and_blocks_cover_the_ends():
    assert (-1, 951) in windows(TIMES)
    assert all(low < high for low, high in windows(TIMES))
    assert windows((1000, 500, 500, 0), cuts=10) == [
        (999, 1001),
        (499, 1001),
        (-1, 1001),
        (499, 501),
        (-1, 501),
        (-1, 1),
    ]
    assert block_ranges(2) == [(0, 1), (0, 0), (1, 1)]
    assert block_ranges(28)[0] == (0, 27)
    assert len(block_ranges(28)) == 36


def test_a_model_has_only_its_own_kinds():
    assert kinds_of([SPATIAL, MLP_SPATIAL]) == ["spatial", "mlp"]
    groups = (SPATIAL, CROSS)
    lags = some_lags(groups=groups)
    found = [
        options(kind, plan_of(groups=groups), CALLS, lags, prior(groups), prices(groups))
        for kind in kinds_of(groups)
    ]
    front = search(found)
    assert set().union(*(chosen for chosen in front.chosen)) == {"spatial", "cross"}
    assert front.saved[0] == 0
    assert not front.chosen[0]


def test_a_limit_of_memory_is_kept():
    found = [
        options(k, plan_of(), CALLS, some_lags(), prior(GROUPS), prices()) for k in kinds_of(GROUPS)
    ]
    free, limited = search(found), search(found, most_bytes=10)
    assert limited.held.max() <= 10 < free.held.max()
    assert limited.saved.max() < free.saved.max()


def test_not_beaten_keeps_one_of_equals():
    error, saved = np.array([1.0, 1.0, 0.0, 2.0]), np.array([3, 3, 0, 3])
    assert not_beaten(error, saved).tolist() == [2, 0]
