import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL, TEMPORAL
from pab_bench.engine.plan import plan_rows
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules

DDIM_50 = list(range(980, -1, -20))


def gap_rules(spatial, temporal, cross, threshold=(100, 800)):
    return Rules(*(GapRule(True, threshold, gap) for gap in (spatial, temporal, cross)))


@pytest.mark.parametrize(
    ("gaps", "reused"),
    [((2, 3, 6), (17, 23, 28)), ((3, 4, 7), (23, 26, 29)), ((4, 6, 9), (26, 28, 31))],
)
def test_reuse_counts_behind_the_papers_flops_column(gaps, reused):
    """PAB, Table 1: the FLOPs of the three Latte rows are those of these counts of 50."""
    plan = make_plan(gap_rules(*gaps), DDIM_50, 28, (SPATIAL, TEMPORAL, CROSS))
    counts = tuple(int(plan.reuse(g)[:, 0].sum()) for g in (SPATIAL, TEMPORAL, CROSS))
    assert counts == reused
    assert plan.reuse_share("spatial") == reused[0] / 50


def test_timesteps_are_truncated():
    plan = make_plan(gap_rules(2, 2, 2, (100, 800)), [900.0, 799.99, 100.9], 1, (SPATIAL,))
    assert plan.timesteps == (900, 799, 100)
    assert plan.reuse(SPATIAL)[:, 0].tolist() == [False, True, False]


def test_a_kind_that_the_model_lacks_has_no_share():
    plan = make_plan(Rules(), DDIM_50, 4, (SPATIAL,))
    assert plan.reuse_share("temporal") is None
    assert plan.reuse_share("spatial") == 0
    assert plan.is_baseline()


def test_keys_compute_and_the_next_steps_reuse_them():
    keys = KeyRule((KeyTime(700, 2, frozenset({0, 2})), KeyTime(333, 5, frozenset({0}))))
    plan = make_plan(Rules(mlp_spatial=keys), [800, 700, 600, 500, 400], 3, (MLP_SPATIAL,))
    assert plan.source[MLP_SPATIAL].tolist() == [
        [0, 0, 0],
        [1, 1, 1],
        [1, 2, 1],
        [1, 3, 1],
        [4, 4, 4],  # 333 is not sampled: that key has no effect.
    ]


def test_a_key_at_the_step_itself_computes_before_an_earlier_key_is_reused():
    keys = KeyRule((KeyTime(700, 3, frozenset({0, 1})), KeyTime(600, 1, frozenset({0}))))
    plan = make_plan(Rules(mlp_spatial=keys), [700, 600, 500, 400], 2, (MLP_SPATIAL,))
    # At 500 both keys reach block 0; the first in the list is reused.
    assert plan.source[MLP_SPATIAL].tolist() == [[0, 0], [1, 0], [0, 0], [0, 0]]


rules = st.builds(
    lambda gap, low, width, first, last: GapRule(
        True, (low, low + width), gap, (first, first + last)
    ),
    st.integers(1, 9),
    st.integers(0, 900),
    st.integers(1, 400),
    st.integers(0, 3),
    st.integers(0, 5),
)
times = st.lists(st.integers(0, 999), min_size=1, max_size=40, unique=True).map(
    lambda values: sorted(values, reverse=True)
)


@given(rules, times)
def test_every_reuse_has_a_computed_source(rule, timesteps):
    plan = make_plan(Rules(spatial=rule), timesteps, 4, (SPATIAL,))
    source = plan.source[SPATIAL]
    for call, block in np.argwhere(plan.reuse(SPATIAL)):
        origin = source[call, block]
        assert origin < call
        assert source[origin, block] == origin  # it was computed there,
        assert (source[origin:call, block] == origin).all()  # and it is the last that was.
        assert rule.reuses(int(call), timesteps[call], int(block))


@given(rules, times)
def test_last_use_is_where_the_source_is_last_needed(rule, timesteps):
    plan = make_plan(Rules(spatial=rule), timesteps, 4, (SPATIAL,))
    last, source = plan.last_use(SPATIAL), plan.source[SPATIAL]
    for call in range(plan.calls):
        for block in range(4):
            users = [c for c in range(plan.calls) if source[c, block] == call]
            assert last[call, block] == max([call, *users])


@given(rules, rules, times)
def test_equal_decisions_have_equal_digests(one, other, timesteps):
    plans = [make_plan(Rules(spatial=r), timesteps, 4, (SPATIAL,)) for r in (one, other)]
    same = (plans[0].source[SPATIAL] == plans[1].source[SPATIAL]).all()
    assert (plans[0].digest() == plans[1].digest()) == same


def test_rows_cover_every_site():
    plan = make_plan(gap_rules(2, 3, 6), DDIM_50, 4, (SPATIAL, TEMPORAL, CROSS))
    rows = plan_rows(plan)
    assert len(rows) == 3 * 50 * 4
    assert sum(row["reuse"] for row in rows if row["kind"] == "cross") == 28 * 4
