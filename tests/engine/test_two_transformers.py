"""Two toy transformers, one after the other, in two lanes, against loops without the engine."""

from dataclasses import replace

import pytest
import torch
from engine.test_cache_course import Watch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.boundaries import within_transformers
from pab_bench.engine.cache_course import cache_course
from pab_bench.engine.engine import Engine, PlanMismatch
from pab_bench.engine.kinds import SPATIAL
from pab_bench.engine.prefix import kept_peak, resume_calls
from pab_bench.engine.sites import Block
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.lagged_difference import LaggedDifference
from pab_bench.systems.several import Several

TIMES = tuple(range(900, 0, -100))
CALLED = (0, 0, 0, 0, 1, 1, 1, 1, 1)
DEPTH = 2
OUTPUT_BYTES = 2 * WIDTH * 4
LANES = 2


@pytest.fixture(scope="module")
def transformers():
    torch.manual_seed(0)
    return ToyTransformer(DEPTH), ToyTransformer(DEPTH)


@pytest.fixture(scope="module")
def architecture(transformers):
    return Several([ToyArchitecture(own) for own in transformers])


def every(gap, called=CALLED):
    rule = GapRule(True, (0, 1000), gap)
    return within_transformers(make_plan(Rules(*[rule] * 5), TIMES, DEPTH, GROUPS), called)


@torch.no_grad()
def sample(transformers, called=CALLED, lanes=LANES):
    states = list(torch.randn(lanes, 2, WIDTH, generator=torch.Generator().manual_seed(0)))
    for timestep, this in zip(TIMES, called, strict=True):
        time = torch.tensor([timestep, timestep])
        states = [x - 0.1 * transformers[this](x, time) for x in states]
    return torch.stack(states)


def by_hand(transformers, gap):
    """The same with everything kept by hand: by transformer, lane and place in the model."""
    states = list(torch.randn(LANES, 2, WIDTH, generator=torch.Generator().manual_seed(0)))
    kept = {}

    def output(step, address, computed):
        if step % gap == 0 or address not in kept:
            kept[address] = computed
        return kept[address]

    with torch.no_grad():
        for step, (timestep, this) in enumerate(zip(TIMES, CALLED, strict=True)):
            time = torch.tensor([timestep, timestep]).float()[:, None] / 1000
            gate, own = time.sin(), transformers[this]
            pairs = list(zip(own.spatial, own.temporal, strict=True))
            for lane, start in enumerate(states):
                x = start
                for block in (block for pair in pairs for block in pair):
                    at = this, lane, block
                    x = output(step, (*at, 0), gate * block.attention(x + time)) + x
                    if block.cross is not None:
                        x = output(step, (*at, 1), block.cross(x)) + x
                    x = output(step, (*at, 2), gate * block.mlp(x + time)) + x
                states[lane] = start - 0.1 * x
    return torch.stack(states)


@pytest.mark.parametrize("gap", [2, 3, 5])
def test_reuse_equals_a_loop_by_hand(transformers, architecture, gap):
    plan = every(gap)
    with Engine(architecture, plan, lanes=LANES) as engine:
        ours = sample(transformers)
    engine.ledger.check(plan)
    assert torch.equal(ours, by_hand(transformers, gap))
    assert not torch.equal(ours, sample(transformers))


def test_nothing_reused_is_bit_equal_to_the_bare_models(transformers, architecture):
    with Engine(architecture, every(1), lanes=LANES) as engine:
        ours = sample(transformers)
    engine.ledger.check(every(1))
    assert torch.equal(ours, sample(transformers))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.lists(st.integers(0, 1), min_size=9, max_size=9))
def test_the_cache_holds_what_is_foreseen(transformers, architecture, gap, called):
    plan = every(gap, called)
    watch = Watch()
    with Engine(architecture, plan, lanes=LANES, probe=watch) as engine:
        watch.engine = engine
        sample(transformers, called)
        assert len(engine.cache) == 0
    engine.ledger.check(plan)
    sites = [(group, block, OUTPUT_BYTES) for group, block in engine.ledger.order]
    assert list(cache_course(plan, sites, LANES)) == watch.held
    assert kept_peak(plan, plan.calls, sites, LANES) == engine.peak_cache_bytes


def test_nothing_is_kept_of_a_transformer_that_is_done(transformers, architecture):
    held = []
    plan = every(6)
    with Engine(architecture, plan, lanes=LANES) as engine:
        hook = transformers[1].register_forward_pre_hook(
            lambda module, args: held.append({call for *_, call in engine.cache.sizes()})
        )
        sample(transformers)
        hook.remove()
    assert held[0] == set()
    assert held[2] == {4}
    assert resume_calls(plan).tolist() == [i in (0, 4, 6, 9) for i in range(10)]


def test_another_transformer_than_planned_is_refused(transformers, architecture):
    plan = make_plan(Rules(), TIMES, DEPTH, GROUPS)
    with (
        Engine(architecture, plan, lanes=LANES),
        pytest.raises(PlanMismatch, match=r"call 4 is one of another transformer .*\(0 of 2"),
    ):
        sample(transformers)
    with pytest.raises(ValueError, match="the plan is for 2 transformers, the model has 1"):
        Engine(ToyArchitecture(transformers[0]), every(1))
    with pytest.raises(ValueError, match="uses what another transformer has computed"):
        Engine(architecture, replace(every(2, ()), transformers=(0,) * 3 + (1,) * 6))


def test_transformers_that_are_not_alike_are_refused(transformers):
    parts = [ToyArchitecture(transformers[0]), ToyArchitecture(ToyTransformer(3))]
    with pytest.raises(ValueError, match="different groups or numbers of blocks"):
        Several(parts)


@pytest.mark.parametrize("recorder", [AttentionDifference(), LaggedDifference(3)])
def test_no_difference_goes_from_one_transformer_to_the_other(transformers, architecture, recorder):
    with Engine(architecture, every(1), observers=[recorder], lanes=LANES):
        sample(transformers)
    rows = [row for row in recorder.rows(TIMES) if row.get("tensor", "gated") == "gated"]
    pairs = {(row.get("step", row.get("call")), row.get("lag", 1)) for row in rows}
    lags = 3 if isinstance(recorder, LaggedDifference) else 1
    assert pairs == {
        (call, lag)
        for call in range(len(TIMES))
        for lag in range(1, lags + 1)
        if call >= lag and CALLED[call] == CALLED[call - lag]
    }
    # Those of the second are as if it had been called alone.
    alone = type(recorder)()
    starts = []
    with Engine(architecture, every(1), lanes=LANES):
        hook = transformers[1].register_forward_pre_hook(
            lambda module, args: starts.append(args[0])
        )
        sample(transformers)
        hook.remove()
    late = make_plan(Rules(), TIMES[4:], DEPTH, GROUPS)
    with (
        torch.no_grad(),
        Engine(ToyArchitecture(transformers[1]), late, observers=[alone], lanes=LANES),
    ):
        for number, start in enumerate(starts):
            transformers[1](start, torch.tensor([TIMES[4 + number // LANES]] * 2))
    place = ("kind", "branch", "block", "lane", "tensor", "lag")
    own = {
        (row.get("step", row.get("call")), *map(row.get, place)): row["mse"]
        for row in recorder.rows(TIMES)
        if row.get("step", row.get("call")) >= 4
    }
    theirs = {
        (row.get("step", row.get("call")) + 4, *map(row.get, place)): row["mse"]
        for row in alone.rows(TIMES[4:])
        if row.get("lag", 1) <= lags
    }
    assert own == theirs
    assert all(value > 0 for value in own.values())


@pytest.mark.parametrize("called", [CALLED, (0,) * 9])
def test_scores_are_kept_of_the_right_transformer(called):
    """A transformer whose attention is PyTorch's, in two copies of other numbers."""
    torch.manual_seed(0)
    blocks = torch.nn.ModuleList(Attending() for _ in range(2))
    architecture = Several([AttendingArchitecture(block) for block in blocks])
    rule = GapRule(True, (0, 1000), 2)
    plan = make_plan(Rules(spatial=rule), TIMES, 1, [SPATIAL])
    plan = within_transformers(plan, called)
    x, projected = torch.randn(1, 4, WIDTH), []
    for block in blocks:
        block.to_q.register_forward_hook(
            lambda module, args, output: projected.append(bool(output.any()))
        )
    with torch.no_grad(), Engine(architecture, plan, "scores") as engine:
        outputs = [blocks[this](x) for this in called]
    engine.ledger.check(plan)
    assert projected == [not reused for reused in plan.reuse(SPATIAL)[:, 0]]
    with torch.no_grad():
        # The input is the same at every call, so that kept scores are those of a new computation.
        for this, output in zip(called, outputs, strict=True):
            assert torch.allclose(output, blocks[this](x), atol=1e-6)


class Attending(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.inner = Inner(self)

    def forward(self, x):
        return self.inner(x)


class Inner(torch.nn.Module):
    def __init__(self, owner):
        super().__init__()
        self.to_q, self.to_k, self.to_v = owner.to_q, owner.to_k, owner.to_v

    def forward(self, x):
        query, key, value = (own(x)[:, None] for own in (self.to_q, self.to_k, self.to_v))
        return torch.nn.functional.scaled_dot_product_attention(query, key, value)[:, 0]


class AttendingArchitecture(ToyArchitecture):
    groups, depth = (SPATIAL,), 1

    def blocks(self):
        return [Block(self.transformer.inner, 0, "spatial")]

    def timestep(self, args, kwargs):
        return None

    def block_forward(self, block, visit):
        own = block.module.forward
        return lambda x: visit(SPATIAL, 0, lambda: own(x), None)
