import numpy as np
from engine.toy import GROUPS
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.prefix import prefix_digests, resume_call, resume_calls
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = tuple(range(950, -1, -50))
DEPTH = 2
DEPTHS = {GROUPS[-1]: 1}
"""A group may have fewer blocks than others."""

windows = st.tuples(st.integers(0, 18), st.integers(1, 19)).map(
    lambda w: (50 * w[0], 50 * (w[0] + w[1]))
)
blocks = st.sampled_from([None, (0, 0), (1, 1)])
gap_rules = st.builds(GapRule, st.just(True), windows, st.integers(1, 7), blocks)
rules = st.builds(Rules, gap_rules, gap_rules, gap_rules, gap_rules, gap_rules)
plans = rules.map(lambda r: make_plan(r, TIMES, DEPTH, GROUPS, depths=DEPTHS))


@given(plans)
def test_from_a_resume_call_on_nothing_earlier_is_reused(plan):
    for call, possible in enumerate(resume_calls(plan)[:-1]):
        later = [table[call:].min() for table in plan.source.values()]
        assert possible == (min(later) >= call)


@given(plans, st.integers(0, len(TIMES)))
def test_the_resume_call_is_the_last_possible_one(plan, shared):
    possible = resume_calls(plan)
    call = resume_call(plan, shared)
    assert possible[call]
    assert call <= shared
    assert not possible[call + 1 : shared + 1].any()


@given(plans, plans)
def test_digests_agree_exactly_as_long_as_the_decisions_do(one, other):
    same = np.logical_and.reduce(
        [(one.source[g] == other.source[g]).all(axis=1) for g in one.source]
    )
    agreeing = np.cumprod(same).astype(bool)
    digests = zip(prefix_digests(one, "output"), prefix_digests(other, "output"), strict=True)
    assert [a == b for a, b in digests] == agreeing.tolist()


@given(plans)
def test_the_way_of_reuse_matters_from_the_first_reuse_on(plan):
    reused = np.logical_or.reduce([plan.reuse(group).any(axis=1) for group in plan.source])
    begun = np.cumsum(reused) > 0
    digests = zip(prefix_digests(plan, "output"), prefix_digests(plan, "ungated"), strict=True)
    assert [a != b for a, b in digests] == begun.tolist()
