"""The arithmetic, against a count of every single visit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.cost.conventions import CONVENTIONS, Convention, get_convention
from pab_bench.cost.prediction import predict_flops, reuse_counts, reuse_visits
from pab_bench.cost.transformer_work import SiteWork, TransformerWork
from pab_bench.cost.work import Work
from pab_bench.engine.kinds import CROSS, MLP_TEMPORAL, SPATIAL
from pab_bench.errors import ConfigError
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules

DEPTH = 3
GROUPS = (SPATIAL, CROSS, MLP_TEMPORAL)
ENCODER, DECODER = Work(1000, 10), Work(2000)

works = st.builds(Work, st.integers(1, 10**6), st.integers(0, 10**6))
sites = st.builds(
    lambda new, share: SiteWork(new, Work(new.linear // share), ()), works, st.just(3)
)
transformers = st.builds(
    lambda rows, rest: TransformerWork(dict(zip(GROUPS, rows, strict=True)), (), rest),
    st.tuples(*(st.tuples(*(sites for _ in range(DEPTH))) for _ in GROUPS)),
    works,
)
gap_rules = st.builds(
    lambda gap, first, more: GapRule(True, (100, 800), gap, (first, first + more)),
    st.integers(1, 5),
    st.integers(0, DEPTH - 1),
    st.integers(0, 2),
)
key_rules = st.builds(
    lambda key, steps: KeyRule((KeyTime(key, steps, frozenset({0, 2})),)),
    st.sampled_from((900, 600, 300)),
    st.integers(0, 3),
)
all_rules = st.builds(
    lambda s, c, m: Rules(spatial=s, cross=c, mlp_temporal=m),
    gap_rules,
    gap_rules,
    gap_rules | key_rules,
)


def plan_of(rules):
    return make_plan(rules, range(900, -1, -100), DEPTH, GROUPS)


@settings(max_examples=40)
@given(all_rules, transformers, st.sampled_from(sorted(CONVENTIONS)))
def test_the_sum_over_all_visits(rules, work, name):
    convention, plan = get_convention(name), plan_of(rules)
    flops = predict_flops(plan, [work], convention, "open_sora", ENCODER, DECODER)
    outside = convention.count(ENCODER, "open_sora") + convention.count(DECODER, "open_sora")
    per_call = []
    for call in range(plan.calls):
        spent = convention.count(work.rest, "open_sora")
        for group in GROUPS:
            for block, site in enumerate(work.sites[group]):
                reused = plan.source[group][call, block] != call
                done = site.reused if reused else site.computed
                spent += convention.count(done, "open_sora", group.kind)
        per_call.append(spent)
    assert flops.per_call.tolist() == per_call
    assert flops.method == sum(per_call) + outside
    assert flops.baseline == plan.calls * flops.baseline_call + outside
    assert flops.method <= flops.baseline
    assert (flops.method == flops.baseline) >= plan.is_baseline()
    by_kind = flops.by_kind()
    assert sum(row["baseline"] for row in by_kind.values()) == flops.baseline
    assert sum(row["method"] for row in by_kind.values()) == flops.method
    assert by_kind["temporal"] == {"baseline": 0, "method": 0}
    assert flops.denoising_ratio <= flops.ratio or plan.is_baseline()


def test_reuse_is_counted_per_kind_and_per_group():
    keys = KeyRule((KeyTime(600, 2, frozenset({0, 2})),))
    plan = plan_of(Rules(spatial=GapRule(True, (100, 800), 2, (0, 1)), mlp_temporal=keys))
    # Of the calls 2 to 7 inside the window the odd ones reuse.
    assert reuse_counts(plan) == {"spatial": 3, "cross": 0, "mlp": 2}
    assert reuse_visits(plan) == {
        "spatial": {"reused": 6, "visits": 30},
        "cross": {"reused": 0, "visits": 30},
        "mlp_temporal": {"reused": 4, "visits": 30},
    }


def test_what_conventions_count():
    work = Work(linear=10, attention=3)
    assert get_convention("transformer").count(work, "latte", "spatial") == 26
    assert get_convention("macs").count(work, "latte", "spatial") == 13
    assert get_convention("linear_macs").count(work, "latte", "spatial") == 10
    paper = get_convention("paper")
    assert paper.count(work, "latte", "spatial") == 26
    counted = {
        kind: paper.count(work, "open_sora", kind) for kind in ("spatial", "temporal", "cross")
    }
    assert counted == {"spatial": 20, "temporal": 26, "cross": 20}
    assert Convention("mine", "", per_multiply_add=1).count(work, "latte") == 13


def test_an_unknown_convention_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="convention=flops: must be one of transformer, macs"):
        get_convention("flops")


def test_large_numbers_do_not_overflow():
    site = SiteWork(Work(10**15), Work(), ())
    work = TransformerWork({SPATIAL: (site,) * DEPTH}, (), Work())
    plan = make_plan(Rules(), range(1000), DEPTH, (SPATIAL,))
    flops = predict_flops(plan, [work], get_convention("macs"), "latte", Work(), Work())
    assert flops.baseline == flops.method == 3 * 10**18
    assert flops.per_call.dtype == np.int64
