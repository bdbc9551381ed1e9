"""Calls are alike exactly if they do the same work."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timings.strategies import keepings, plans

from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kinds import KINDS, SPATIAL, TEMPORAL
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.timings.call_classes import BASELINE, Keeping, plan_calls
from pab_bench.timings.names import name_of_point, plan_name

HALVED = Keeping(cache=CacheOptions("float16"))


def work(plan, call, keeping):
    """The sites that reuse, and those whose outputs are kept at a cost: read site by site."""
    reused, kept = set(), set()
    for group, table in plan.source.items():
        for block in range(plan.depth):
            later = [c for c in range(call + 1, plan.calls) if table[c, block] == call]
            if table[call, block] != call:
                reused.add((group.name, block))
            elif later and keeping.costs:
                kept.add((group.name, block))
    return frozenset(reused), frozenset(kept)


def work_of(kind):
    """What a class says of itself, in the same form."""
    return tuple(
        frozenset((name, block) for name, blocks in sites for block in blocks)
        for sites in (kind.reused, kind.kept)
    )


@given(plans(), keepings)
def test_two_calls_are_of_one_class_exactly_if_they_do_the_same_work(plan, keeping):
    made = plan_calls(plan, keeping)
    expected = Counter(work(plan, call, keeping) for call in range(plan.calls))
    assert len(made.classes) == len(expected)
    assert {work_of(kind): count for kind, count in made.classes.items()} == expected
    assert sum(made.classes.values()) == made.calls == plan.calls
    for kind in made.classes:
        assert kind.keeping == (None if work_of(kind) == (set(), set()) else keeping)
        assert kind.computes_all == (kind == BASELINE)


@given(plans(), plans(), keepings, keepings)
def test_names_differ_exactly_if_classes_do(one, other, keeping, another):
    classes = {*plan_calls(one, keeping).classes, *plan_calls(other, another).classes}
    assert len({str(kind) for kind in classes}) == len(classes)


@given(plans(), keepings)
def test_reuse_is_that_of_the_plan(plan, keeping):
    made = plan_calls(plan, keeping)
    for kind in KINDS:
        share = plan.reuse_share(kind)
        if share is None:
            assert kind not in made.reused
        else:
            assert made.reused[kind] == pytest.approx(share * plan.calls)


@given(plans(), keepings, st.integers(0, 6))
def test_calls_that_are_not_made_do_not_count(plan, keeping, first):
    first = min(first, plan.calls)
    made = plan_calls(plan, keeping, first)
    expected = Counter(work(plan, call, keeping) for call in range(first, plan.calls))
    assert {work_of(kind): count for kind, count in made.classes.items()} == expected
    assert made.calls == plan.calls - first
    for kind, reused in made.reused.items():
        tables = [plan.reuse(g)[first:] for g in plan.source if g.kind == kind]
        assert reused == pytest.approx(sum(t.sum() for t in tables) / plan.depth / len(tables))


@given(plans(), keepings)
def test_a_plan_that_reuses_nothing_has_the_one_class(plan, keeping):
    nothing = {
        group: np.repeat(np.arange(plan.calls)[:, None], plan.depth, axis=1)
        for group in plan.source
    }
    made = plan_calls(Plan(plan.timesteps, plan.depth, nothing), keeping)
    assert made.classes == {BASELINE: plan.calls}
    assert set(made.reused.values()) == {0}


def test_pab_has_few_classes_and_keeping_at_a_cost_tells_more_apart():
    rules = Rules(spatial=GapRule(True, (100, 800), 2), temporal=GapRule(True, (100, 800), 4))
    plan = make_plan(rules, list(range(980, -1, -20)), 14, (SPATIAL, TEMPORAL))
    plain, halved = (plan_calls(plan, keeping) for keeping in (Keeping(), HALVED))
    assert sorted(map(str, plain.classes)) == [
        "computes all",
        'reuses spatial 0-13, temporal 0-13; {"device": null, "dtype": null, "object": "output"}',
        'reuses temporal 0-13; {"device": null, "dtype": null, "object": "output"}',
    ]
    how = '{"device": null, "dtype": "float16", "object": "output"}'
    assert f"reuses temporal 0-13; keeps spatial 0-13; {how}" in map(str, halved.classes)
    assert f"keeps spatial 0-13, temporal 0-13; {how}" in map(str, halved.classes)
    assert plain.reused == halved.reused == {"spatial": 17.0, "temporal": 26.0}


@pytest.mark.parametrize(
    ("keeping", "costs"),
    [
        (Keeping(), False),
        (Keeping("ungated"), False),
        (Keeping("scores"), True),
        (HALVED, True),
        (Keeping(cache=CacheOptions(device="cpu")), True),
    ],
    ids=str,
)
def test_what_costs_when_it_is_kept(keeping, costs):
    assert keeping.costs == costs


@given(st.text(), keepings, keepings)
def test_how_a_baseline_would_keep_outputs_is_not_in_its_name(digest, one, other):
    assert plan_name(digest, one, True) == plan_name(digest, other, True)
    assert (plan_name(digest, one, False) == plan_name(digest, other, False)) == (one == other)


def test_a_point_has_the_name_of_its_plan():
    config = {"broadcast_object": "scores", "cache": {"dtype": "float16", "device": None}}
    plan = {"digest": "abc", "reuse_share": {"all": 0.5}}
    keeping = Keeping("scores", CacheOptions("float16"))
    assert name_of_point(config, plan) == plan_name("abc", keeping, False)
    baseline = {"broadcast_object": None, "cache": None}
    nothing = {"digest": "abc", "reuse_share": {"all": 0.0}}
    assert name_of_point(baseline, nothing) == plan_name("abc", keeping, True)
