"""Methods inside the steps of others."""

import numpy as np
import pytest
import torch
from engine.test_policies import StackedToy
from engine.toy import GROUPS, ToyTransformer, sample

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL
from pab_bench.engine.stack import stack_sites
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.combined import Combined
from pab_bench.methods.delta_dit_pab import DeltaDitPab
from pab_bench.methods.fewer_steps import FewerSteps
from pab_bench.methods.fora import Fora
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.methods.taylorseer import TaylorSeer
from pab_bench.methods.tgate import TGate
from pab_bench.problems import Problems

TIMES = (900, 800, 700, 600, 500, 400)
PAB = PyramidAttentionBroadcast(Rules(spatial=GapRule(True, (0, 1000), 2)))
OUTER = DeltaDitPab(("1-4:1-2",), 2, "corrected")
ABOUT = About("latte", 6, 6, 3, None, True)


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return ToyTransformer(3)


@pytest.fixture(scope="module")
def facts(transformer):
    return Facts(TIMES, 6, 3, GROUPS, stack=stack_sites(StackedToy(transformer).stack()))


def test_pab_where_blocks_are_entered(transformer, facts):
    method = Combined(OUTER, PAB)
    plan = plan_of_facts(method, facts)
    # Blocks 1 and 2 are left out at calls 2 and 4; PAB reuses at 1, 3 and 5.
    assert plan.source[SPATIAL][:, 0].tolist() == [0, 0, 2, 2, 4, 4]
    assert plan.is_skipped(SPATIAL)[:, 1].tolist() == [False, False, True, False, True, False]
    # What was left out at call 2 cannot be reused at call 3.
    assert plan.source[SPATIAL][:, 1].tolist() == [0, 0, 1, 3, 3, 5]
    assert plan.source[MLP_SPATIAL][:, 1].tolist() == [0, 1, 1, 3, 3, 5]
    with Engine(
        StackedToy(transformer), plan, method.broadcast_object, policy=method.policy(facts)
    ) as engine:
        both = sample(transformer, TIMES)
    engine.ledger.check(plan)
    assert engine.ledger.totals()["spatial"] == {"computed": 9, "reused": 5, "skipped": 4}
    for alone in (OUTER, PAB):
        own = plan_of_facts(alone, facts)
        with Engine(
            StackedToy(transformer), own, alone.broadcast_object, policy=alone.policy(facts)
        ):
            assert not torch.equal(sample(transformer, TIMES), both)


def test_fora_where_calls_are_made(facts):
    method = Combined(TaylorSeer(interval=2, before=1, lite=True), Fora(4, "first"))
    plan = plan_of_facts(method, facts)
    # Calls 0, 2 and 4 are made; FORA computes at 0 and 4.
    assert plan.source[SPATIAL][:, 0].tolist() == [0, 0, 0, 2, 4, 4]
    assert plan.last_use(SPATIAL)[0, 0] == 2
    assert np.array_equal(plan.is_skipped(SPATIAL)[:, 0], [0, 1, 0, 1, 0, 1])
    assert method.needs == {"call", "sites"}


def test_anything_with_fewer_steps(facts):
    method = Combined(FewerSteps(6), TGate(3, warm_up=1))
    plan = plan_of_facts(method, facts)
    assert plan.digest() == plan_of_facts(TGate(3, warm_up=1), facts).digest()
    assert method.policy(facts) is not None
    assert method.sampled_steps(50) == 6
    identity = method.identity(3)
    assert identity["method"]["inside"]["name"] == "tgate"
    assert identity["method"]["steps"] == 6


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (Combined(OUTER, TGate()), "only methods can act that reuse outputs of sites as they are"),
        (Combined(OUTER, TaylorSeer()), "only methods can act that reuse outputs"),
        (Combined(Fora(), PAB), "fora decides about sites itself"),
        (Combined(OUTER, FewerSteps(3)), "set method=fewer_steps method.inside=delta_dit_pab"),
        (Combined(FewerSteps(3), PyramidAttentionBroadcast()), "reuses nothing: set its keys"),
    ],
)
def test_the_meaningless_is_refused(method, message):
    problems = Problems()
    method.check(ABOUT, problems)
    assert [p.setting for p in problems.found if message in p.explanation] == [
        f"method.inside={method.inner.name}"
    ]


def test_what_makes_sense_is_not():
    for method in (Combined(OUTER, PAB), Combined(FewerSteps(3), Fora())):
        problems = Problems()
        method.check(ABOUT, problems)
        assert problems.found == []
