"""Policies in every place where they act, on the toy, against what a loop by hand gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer, sample

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.engine.ledger import LedgerMismatch
from pab_bench.engine.places import CallDecision, Run
from pab_bench.engine.policy import Policy
from pab_bench.engine.stack import StackBlock, stack_sites, swapped
from pab_bench.methods.facts import Facts
from pab_bench.methods.tables import (
    baseline_plan,
    leave_out_blocks,
    leave_out_calls,
    open_plan,
)

TIMES = (900, 700, 500, 300, 100)


class StackedToy(ToyArchitecture):
    def stack(self):
        return [
            block
            for i, (spatial, temporal) in enumerate(
                zip(self.transformer.spatial, self.transformer.temporal, strict=True)
            )
            for block in (
                StackBlock(spatial, i, ((SPATIAL, i), (CROSS, i), (MLP_SPATIAL, i)), ("x",)),
                StackBlock(temporal, i, ((TEMPORAL, i), (MLP_TEMPORAL, i)), ("x",)),
            )
        ]


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return ToyTransformer(3)


@pytest.fixture(scope="module")
def facts(transformer):
    stack = stack_sites(StackedToy(transformer).stack())
    return Facts(TIMES, len(TIMES), 3, GROUPS, stack=stack)


class Delta(Policy):
    """Leaves blocks 1 and 2 out at odd calls, and adds what they changed last."""

    places = frozenset({"stack"})

    def run(self, at):
        return Run(1, 2)

    def leaves_out(self, at, entrance):
        return at.call % 2 == 1

    def run_ended(self, at, entrance, tokens):
        self.memory.put((at.lane, "delta"), [tokens[0] - entrance.tokens[0]])

    def run_output(self, at, entrance):
        return (entrance.tokens[0] + self.memory.get((at.lane, "delta"), last=True)[0],)


@torch.no_grad()
def delta_by_hand(transformer):
    x = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    for call, timestep in enumerate(TIMES):
        time = torch.full((2, 1), timestep / 1000)
        y = transformer.temporal[0](transformer.spatial[0](x, time), time)
        if call % 2 == 0:
            entered = y
            for i in (1, 2):
                y = transformer.temporal[i](transformer.spatial[i](y, time), time)
            delta = y - entered
        else:
            y = y + delta
        x = x - 0.1 * y
    return x


def test_blocks_are_left_out_and_the_plan_agrees(transformer, facts):
    stack = np.repeat(np.arange(5)[:, None], 3, axis=1)
    stack[1::2, 1:] -= 1
    plan = leave_out_blocks(baseline_plan(facts), facts, stack)
    before = dict(transformer.spatial[1].__dict__)
    with Engine(StackedToy(transformer), plan, policy=Delta) as engine:
        ours = sample(transformer, TIMES)
        again = sample(transformer, TIMES)
    engine.ledger.check(plan)
    assert torch.equal(ours, delta_by_hand(transformer))
    assert torch.equal(ours, again)
    assert transformer.spatial[1].__dict__.keys() == before.keys()
    assert engine.ledger.totals()["spatial"] == {"computed": 11, "reused": 0, "skipped": 4}
    assert engine.peak_cache_bytes == 2 * WIDTH * 4
    assert plan.reuse(SPATIAL)[1].tolist() == [False, True, True]
    assert not plan.is_baseline()


def test_a_plan_that_was_not_followed_is_told(transformer, facts):
    stack = np.repeat(np.arange(5)[:, None], 3, axis=1)
    stack[1, 1:] = 0
    plan = leave_out_blocks(baseline_plan(facts), facts, stack)
    with Engine(StackedToy(transformer), plan, policy=Delta) as engine:
        sample(transformer, TIMES)
    with pytest.raises(LedgerMismatch, match=r"block 1 was skipped at call 3.*plan says compute"):
        engine.ledger.check(plan)


def test_the_ledger_is_the_plan_of_what_was_open(transformer, facts):
    plan = open_plan(facts)
    with Engine(StackedToy(transformer), plan, policy=Delta) as engine:
        sample(transformer, TIMES)
    engine.ledger.check(plan, sure=1)
    with pytest.raises(
        LedgerMismatch, match=r"block 1 was skipped at call 1.*a site computes at the first 2 calls"
    ):
        engine.ledger.check(plan, sure=2)
    executed = engine.ledger.executed(plan)
    assert executed.reuse(MLP_TEMPORAL)[:, 2].tolist() == [False, True, False, True, False]
    assert not executed.reuse(SPATIAL)[:, 0].any()
    assert not executed.is_open


class SkipOdd(Policy):
    """Puts out the last output again at odd calls."""

    places = frozenset({"call"})

    def at_call(self, at, look):
        return CallDecision.REUSE if at.call % 2 else CallDecision.COMPUTE

    def call_ended(self, at, look, output):
        self.memory.put((at.lane,), [output])

    def call_output(self, at, look):
        return self.memory.get((at.lane,), last=True)[0]


def test_calls_are_left_out(transformer, facts):
    plan = leave_out_calls(baseline_plan(facts), [0, 0, 2, 2, 4])
    with Engine(StackedToy(transformer), plan, policy=SkipOdd) as engine:
        ours = sample(transformer, TIMES)
    engine.ledger.check(plan)
    x = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    for call, timestep in enumerate(TIMES):
        if call % 2 == 0:
            with torch.no_grad():
                output = transformer(x, torch.tensor([timestep, timestep]))
        x = x - 0.1 * output
    assert torch.equal(ours, x)
    assert engine.ledger.rows.tolist() == [[2, 0, 2, 0, 2]]
    assert not hasattr(transformer, "_old_forward")
    assert "forward" not in transformer.__dict__


class OneHalf(Policy):
    """Computes the first half from the third call on, and gives it to both."""

    places = frozenset({"call"})

    def at_call(self, at, look):
        return CallDecision.FIRST_HALF if at.call >= 2 else CallDecision.COMPUTE

    def whole(self, at, look, half):
        assert at.rows == 1
        return torch.cat([half, half])


def test_half_of_the_guidance_batch(transformer, facts):
    plan = replace(baseline_plan(facts), rows=(2, 2, 1, 1, 1))
    seen = []
    hook = transformer.spatial[0].mlp.register_forward_pre_hook(lambda m, a: seen.append(len(a[0])))
    with Engine(StackedToy(transformer), plan, policy=OneHalf) as engine:
        ours = sample(transformer, TIMES)
    hook.remove()
    engine.ledger.check(plan)
    assert seen == [2, 2, 1, 1, 1]
    assert not plan.is_baseline()
    with Engine(StackedToy(transformer), baseline_plan(facts)) as engine:
        whole = sample(transformer, TIMES)
    assert torch.equal(ours[0], whole[0])
    assert not torch.equal(ours[1], whole[1])
    with pytest.raises(LedgerMismatch, match=r"call 2 .* computed 2 halves .* plan says 1"):
        engine.ledger.check(plan)


class Doubled(Policy):
    """Gives twice the last output of spatial attention at odd calls."""

    places = frozenset({"site"})

    def reuses(self, at, site):
        return site[0] == SPATIAL and at.call % 2 == 1

    def site_ended(self, at, site, ungated, gate):
        if site[0] == SPATIAL:
            self.memory.put((at.lane, site), [ungated])

    def site_output(self, at, site, gate):
        return 2 * gate * self.memory.get((at.lane, site), last=True)[0]


def test_sites_are_asked(transformer, facts):
    with Engine(StackedToy(transformer), open_plan(facts), policy=Doubled) as engine:
        sample(transformer, TIMES)
        other = sample(transformer, TIMES, seed=1)
    with Engine(StackedToy(transformer), open_plan(facts), policy=Doubled):
        alone = sample(transformer, TIMES, seed=1)
    assert torch.equal(other, alone)  # A video knows nothing of the one before.
    assert engine.ledger.decisions(SPATIAL)[:, 0].tolist() == [False, True, False, True, False]


def test_what_needs_a_policy_is_refused_without(transformer, facts):
    plan = leave_out_calls(baseline_plan(facts), [0, 0, 2, 2, 4])
    with pytest.raises(ValueError, match="needs the method's policy"):
        Engine(StackedToy(transformer), plan)
    with pytest.raises(ValueError, match="does not tell its blocks in order"):
        Engine(ToyArchitecture(transformer), open_plan(facts), policy=Delta)


def test_layouts_are_swapped_by_their_names_not_their_shapes():
    x = torch.arange(2 * 3 * 3 * 4.0).reshape(2 * 3, 3, 4)
    there = swapped(x, torch.empty(2 * 3, 3, 4))
    assert torch.equal(there.reshape(2, 3, 3, 4), x.reshape(2, 3, 3, 4).transpose(1, 2))
    assert torch.equal(swapped(there, x), x)
