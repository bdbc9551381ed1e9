"""Plans of models that go over to another transformer: of the earlier one nothing is alive."""

import numpy as np
import pytest
from engine.toy import GROUPS
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.boundaries import first_alive, within_transformers
from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL
from pab_bench.engine.plan import plan_rows
from pab_bench.methods.base import Facts, plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules

DEPTH = 3
rules = st.builds(
    lambda gap, low, block: GapRule(True, (low, 950), gap, block),
    st.integers(1, 6),
    st.sampled_from((0, 350)),
    st.sampled_from((None, (0, 1), (2, 2))),
)
keys = st.lists(
    st.builds(KeyTime, st.integers(1, 900), st.integers(0, 5), st.just(frozenset({0, 2}))),
    max_size=3,
    unique_by=lambda key: key.timestep,
).map(lambda keys: KeyRule(tuple(sorted(keys, key=lambda key: -key.timestep))))
called = st.lists(st.integers(0, 2), min_size=1, max_size=14)


def times(calls):
    return tuple(int(t) for t in np.linspace(900, 50, calls))


def by_hand(rule, transformers, block, timesteps=None):
    """What a site does if it keeps its last output and loses it with its transformer."""
    kept, before, sources = None, None, []
    for call, (timestep, transformer) in enumerate(
        zip(timesteps or times(len(transformers)), transformers, strict=True)
    ):
        if transformer != before:
            kept = None
        if kept is None or not rule.reuses(call, timestep, block):
            kept = call
        before = transformer
        sources.append(kept)
    return sources


@given(rules, called)
def test_a_site_computes_where_nothing_was_kept_of_its_transformer(rule, transformers):
    plan = make_plan(Rules(spatial=rule), times(len(transformers)), DEPTH, [SPATIAL])
    own = within_transformers(plan, transformers)
    for block in range(DEPTH):
        assert own.source[SPATIAL][:, block].tolist() == by_hand(rule, transformers, block)
    assert own.transformers == tuple(transformers)


@given(st.builds(Rules, rules, rules, rules, keys, keys), called)
def test_no_call_uses_another_transformer_and_else_nothing_changes(rules, transformers):
    plan = make_plan(rules, times(len(transformers)), DEPTH, GROUPS)
    own = within_transformers(plan, transformers)
    alive = first_alive(transformers)
    assert [own.begins(call) for call in range(own.calls)] == [
        alive[call] == call for call in range(own.calls)
    ]
    for group, table in own.source.items():
        before = plan.source[group]
        for call, row in enumerate(table):
            for block, source in enumerate(row):
                span = transformers[source : call + 1]
                assert set(span) == {transformers[call]}
                assert table[source, block] == source  # What is used was computed.
                if before[call, block] >= alive[call]:
                    assert source == before[call, block]
                else:
                    assert source == alive[call]
    assert own.reuse_share() <= plan.reuse_share()


@given(rules, st.integers(1, 14))
def test_one_transformer_changes_nothing(rule, calls):
    plan = make_plan(Rules(spatial=rule), times(calls), DEPTH, GROUPS)
    assert within_transformers(plan, ()) is plan
    same = within_transformers(plan, (0,) * calls)
    assert same.digest() == plan.digest()


def test_the_counter_of_gaps_is_the_videos():
    plan = make_plan(Rules(spatial=GapRule(True, (0, 1000), 3)), times(8), 1, [SPATIAL])
    own = within_transformers(plan, (0, 0, 0, 0, 1, 1, 1, 1))
    assert own.source[SPATIAL][:, 0].tolist() == [0, 0, 0, 3, 4, 4, 6, 6]


def test_a_key_is_computed_again_behind_a_boundary():
    rule = KeyRule((KeyTime(900, 3, frozenset({0})),))
    plan = make_plan(Rules(mlp_spatial=rule), times(6), 2, [MLP_SPATIAL])
    own = within_transformers(plan, (0, 0, 1, 1, 1, 1))
    assert plan.source[MLP_SPATIAL][:, 0].tolist() == [0, 0, 0, 0, 4, 5]
    assert own.source[MLP_SPATIAL][:, 0].tolist() == [0, 0, 2, 2, 4, 5]


def test_rows_name_the_transformer():
    plan = make_plan(Rules(), times(3), 1, [SPATIAL])
    assert "transformer" not in plan_rows(plan)[0]
    rows = plan_rows(within_transformers(plan, (0, 1, 1)))
    assert [row["transformer"] for row in rows] == [0, 1, 1]


def test_every_call_must_have_a_transformer():
    plan = make_plan(Rules(), times(3), 1, [SPATIAL])
    with pytest.raises(ValueError, match="2 transformers are named for 3 calls"):
        within_transformers(plan, (0, 1))


class Model:
    """What a plan is made for."""

    class architecture:  # noqa: N801 (An attribute.)
        groups, depth = (SPATIAL,), 1

    def timesteps(self, steps):
        return times(steps)


class Changing(Model):
    def transformers_called(self, steps):
        return [0] + [1] * (steps - 1)


def test_plans_are_made_for_the_transformers_that_are_called():
    method = PyramidAttentionBroadcast(Rules(spatial=GapRule(True, (0, 1000), 2)))
    one, two = plan_of(method, Model(), 4), plan_of(method, Changing(), 4)
    assert one.digest() == method.plan(Facts(times(4), 4, 1, (SPATIAL,))).digest()
    assert one.source[SPATIAL][:, 0].tolist() == [0, 0, 2, 2]
    assert two.source[SPATIAL][:, 0].tolist() == [0, 1, 2, 2]
    assert (one.transformers, two.transformers) == ((), (0, 1, 1, 1))
