"""SeaCache: its filter against a sum over frequencies, its decisions against the specification."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pab_bench.config.compose import compose
from pab_bench.engine.engine import Engine
from pab_bench.engine.frequencies import content
from pab_bench.engine.kinds import SPATIAL
from pab_bench.engine.sites import Block
from pab_bench.engine.stack import StackBlock, stack_sites
from pab_bench.errors import ConfigError
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.combined import Combined
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.methods.seacache import SeaCache
from pab_bench.methods.seacache_distance import Accumulated, Limits
from pab_bench.problems import InvalidSettings, Problems

SIGMAS = (0.999, 0.95, 0.9, 0.84, 0.77, 0.69, 0.6, 0.5, 0.38, 0.2)
TIMES = tuple(int(1000 * sigma) for sigma in SIGMAS)
SIZE = (1, 2, 3, 4, 6)
"""Batch, channels, frames, height, width."""


def random(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def filtered(latents, sigma, exponent):
    """The filter in float64, as a sum over all pairs of frequencies and places."""
    signal = 1 - sigma
    gain, bases = np.ones((1, 1, 1)), []
    for axis, size in enumerate(latents.shape[-3:]):
        k = np.arange(size)
        cycles = np.minimum(k, size - k) / size
        own = np.array(
            [
                1 / signal if f == 0 else signal / (signal**2 + sigma**2 * f**exponent)
                for f in cycles
            ]
        )
        gain = gain * own.reshape([-1 if other == axis else 1 for other in range(3)])
        bases.append(np.exp(-2j * np.pi * np.outer(k, k) / size))
    gain = gain / gain.mean()
    forward = np.einsum("ai,bj,ck,nmijk->nmabc", *bases, latents.double().numpy())
    back = [base.conj() / len(base) for base in bases]
    return np.einsum("ai,bj,ck,nmijk->nmabc", *back, forward * gain).real


@pytest.mark.parametrize("sigma", [0.05, 0.5, 0.97])
@pytest.mark.parametrize("exponent", [1.0, 3.0])
def test_the_filter_is_a_wiener_filter_of_mean_one(sigma, exponent):
    latents = random(2, 2, 3, 4, 5)
    ours = content(latents, sigma, exponent)
    assert ours.dtype == latents.dtype
    torch.testing.assert_close(
        ours.double(), torch.from_numpy(filtered(latents, sigma, exponent)), rtol=1e-4, atol=1e-5
    )


def test_without_noise_latents_stay_and_in_noise_their_mean_is_left():
    latents = random(*SIZE)
    assert torch.allclose(content(latents, 0.0, 3.0), latents, atol=1e-4)
    mean = latents.mean((-3, -2, -1), keepdim=True).expand_as(latents)
    ours = content(latents, 1.0, 3.0)
    assert torch.allclose(ours / ours.abs().mean(), mean / mean.abs().mean(), atol=1e-3)
    assert content(latents.bfloat16(), 0.5, 3.0).dtype == torch.bfloat16


def walked(changes, limits):
    """The specification call by call: which compute, and what had accumulated."""
    total, in_a_row, decisions, quantities = 0.0, 0, [], []
    for call, change in enumerate(changes):
        forced = (
            call == 0 or call in limits.protected or (limits.most > 0 and in_a_row == limits.most)
        )
        quantities.append(None if forced else total + change)
        decisions.append(forced or not total + change < limits.threshold)
        total = 0.0 if decisions[-1] else total + change
        in_a_row = 0 if decisions[-1] else in_a_row + 1
    return decisions, quantities


@settings(max_examples=40)
@given(
    st.lists(st.one_of(st.floats(0, 0.5), st.just(math.inf)), min_size=1, max_size=40),
    st.floats(0, 1),
    st.tuples(*[st.integers(0, 4)] * 3),
)
def test_decisions_follow_the_specification(changes, threshold, numbers):
    first, last, most = numbers
    calls = range(len(changes))
    limits = Limits(
        threshold, frozenset([*calls[:first], *calls[max(0, len(changes) - last) :]]), most
    )
    own, decisions, quantities = Accumulated(limits), [], []
    for call, change in enumerate(changes):
        if call == 0 or own.must_compute(call):
            own.computed()
            decisions.append(True)
            quantities.append(None)
            continue
        computes, quantity = own.decide(change)
        decisions.append(computes)
        quantities.append(quantity)
    assert (decisions, quantities) == walked(changes, limits)


def test_what_has_come_to_the_threshold_computes():
    own = Accumulated(Limits(0.5, frozenset(), 0))
    assert [own.decide(0.25) for _ in range(3)] == [(False, 0.25), (True, 0.5), (False, 0.25)]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, time):
        return x + time * self.linear(x)


class Video(nn.Module):
    """Latents become tokens of four channels, and latents again."""

    def __init__(self, given=2):
        super().__init__()
        torch.manual_seed(0)
        self.into, self.out = nn.Linear(given, 4), nn.Linear(4, 2)
        self.blocks = nn.ModuleList(Layer() for _ in range(3))

    def forward(self, x, time):
        tokens = self.into(x.movedim(1, -1))
        for block in self.blocks:
            tokens = block(tokens, time)
        return self.out(tokens).movedim(-1, 1)


class VideoArchitecture:
    groups = (SPATIAL,)
    depth = 3

    def __init__(self, transformer):
        self.transformer = transformer

    def blocks(self):
        return [Block(module, i, "spatial") for i, module in enumerate(self.transformer.blocks)]

    def stack(self):
        blocks = enumerate(self.transformer.blocks)
        return [StackBlock(module, i, ((SPATIAL, i),), ("x",)) for i, module in blocks]

    def timestep(self, args, kwargs):
        return None

    def block_forward(self, block, visit):
        linear = block.module.linear
        return lambda x, time: x + visit(SPATIAL, block.index, lambda: linear(x), time)


def facts_of_video(transformer, **others):
    stack = stack_sites(VideoArchitecture(transformer).stack())
    return Facts(TIMES, len(TIMES), 3, (SPATIAL,), stack=stack, sigmas=SIGMAS, **others)


@torch.no_grad()
def sampled(transformer, lanes=1):
    states = [random(*SIZE, seed=lane) for lane in range(lanes)]
    for sigma in SIGMAS:
        states = [x - 0.15 * transformer(x, torch.tensor(sigma)) for x in states]
    return states


@torch.no_grad()
def by_hand(transformer, method, seed):
    x, before, history, gates, done = random(*SIZE, seed=seed), None, [], {}, []
    total, in_a_row = 0.0, 0
    for call, sigma in enumerate(SIGMAS):
        now = torch.from_numpy(filtered(x, sigma, method.exponent))
        forced = before is None or call < method.first or call >= len(SIGMAS) - method.last
        forced = forced or 0 < method.most <= in_a_row
        if not forced:
            total += float((now - before).abs().mean() / before.abs().mean())
            gates[call] = total
        before = now
        tokens = transformer.into(x.movedim(1, -1))
        done.append(forced or total >= method.threshold)
        if done[-1]:
            left = tokens
            for block in transformer.blocks:
                left = block(left, torch.tensor(sigma))
            history.append((call, left - tokens))
            total, in_a_row = 0.0, 0
        else:
            in_a_row += 1
            change = history[-1][1]
            if method.order and len(history) > 1:
                (one, a), (two, b) = history[-2:]
                change = b + (b - a) * (call - two) / (two - one)
            left = tokens + change
        x = x - 0.15 * transformer.out(left).movedim(-1, 1)
    return x, gates, done


@pytest.mark.parametrize(
    "method",
    [SeaCache(0.6), SeaCache(0.4, order=0, most=0, first=3, last=2), SeaCache(0.8, most=1)],
)
def test_what_the_blocks_change_is_extrapolated(method):
    transformer = Video()
    facts = facts_of_video(transformer)
    plan = plan_of_facts(method, facts)
    assert plan.is_open
    own = VideoArchitecture(transformer)
    with Engine(own, plan, lanes=2, policy=method.policy(facts)) as engine:
        both = sampled(transformer, lanes=2)
        again = sampled(transformer, lanes=2)  # State is new for every video.
    engine.ledger.check(plan, method.sure_calls(facts))
    for lane in (0, 1):
        expected, gates, done = by_hand(transformer, method, seed=lane)
        assert torch.allclose(both[lane], expected, rtol=1e-4, atol=1e-5)
        assert torch.equal(both[lane], again[lane])
        ours = {call: value for (own, call), value in engine.gates.items() if own == lane}
        assert ours == pytest.approx(gates, rel=1e-4)
        reused = engine.ledger.executed(plan, lane).reuse(SPATIAL)
        assert (~reused).all(axis=1).tolist() == done
        assert 2 < sum(done) < len(SIGMAS)
    latents, tokens = math.prod(SIZE) * 4, math.prod(SIZE) * 2 * 4
    assert engine.peak_cache_bytes == 2 * (latents + (1 + method.order) * tokens)


def test_another_transformer_begins_anew():
    method, transformer = SeaCache(1e9, most=0), Video()
    facts = facts_of_video(transformer)
    plan = replace(plan_of_facts(method, facts), transformers=(0,) * 4 + (1,) * 6)

    class Two(VideoArchitecture):
        def __init__(self):
            super().__init__(transformer)
            self.transformers = (transformer, other)

        def blocks(self):
            return [*super().blocks(), *VideoArchitecture(other).blocks()]

        def stack(self):
            return [*super().stack(), *VideoArchitecture(other).stack()]

        def block_forward(self, block, visit):
            return VideoArchitecture(transformer).block_forward(block, visit)

    other = Video()
    with Engine(Two(), plan, policy=method.policy(facts)) as engine, torch.no_grad():
        x = random(*SIZE)
        for call, sigma in enumerate(SIGMAS):
            x = x - 0.15 * (transformer if call < 4 else other)(x, torch.tensor(sigma))
    reused = engine.ledger.decisions(SPATIAL)[:, 0].tolist()
    assert [call for call, own in enumerate(reused) if not own] == [0, 4, 9]
    assert (0, 4) not in engine.gates


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (random(1, 3, 3, 4, 6), "the transformer is given 3 channels and predicts 2"),
        (random(1, 3, 6), r"here the transformer is called with \(1, 3, 6\)"),
    ],
)
def test_latents_that_are_of_another_sort(latents, message):
    method, transformer = SeaCache(), Video(given=3)
    facts = facts_of_video(transformer)
    plan = plan_of_facts(method, facts)
    with (
        Engine(VideoArchitecture(transformer), plan, policy=method.policy(facts)),
        torch.no_grad(),
        pytest.raises(ConfigError, match=message),
    ):
        transformer(latents, torch.tensor(0.9))


@pytest.mark.parametrize("model", ["latte_mini", "cogvideox", "open_sora_plan_mini"])
def test_systems_without_flow_matching_are_refused_by_name(model):
    system = model.removesuffix("_mini")
    with pytest.raises(InvalidSettings) as caught:
        compose(model=model, method="seacache")
    assert (
        "method=seacache: acts on the part of noise in the latents of flow matching, which "
        f"model.system={system} does not tell; diffusers, wan do"
    ) in str(caught.value)


def test_a_sampler_of_no_flow_matching_is_refused():
    with pytest.raises(InvalidSettings, match=r"method=seacache: needs the part of noise"):
        plan_of_facts(SeaCache(), Facts(TIMES, 10, 3, (SPATIAL,)))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"threshold": -0.1}, "method.threshold=-0.1: must be a finite number of at least 0"),
        ({"threshold": math.nan}, "method.threshold=nan: must be a finite number"),
        ({"order": 2}, "method.order=2: must be 0 or 1"),
        ({"most": -1}, "method.most=-1: must be a whole number of at least 0"),
        ({"exponent": 0.0}, "method.exponent=0.0: must be a finite number above 0"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        SeaCache(**keys)


def test_some_call_must_be_left():
    problems = Problems()
    SeaCache(first=6, last=4).check(About("wan", 10, 10, 3, None, True), problems)
    (problem,) = problems.found
    assert str(problem) == (
        "method.first=6: with method.last=4: no call of 10 may leave blocks out"
    )
    assert SeaCache(first=3).sure_calls(Facts(TIMES, 10, 3, (SPATIAL,))) == 3


def test_no_other_method_acts_inside():
    inner = PyramidAttentionBroadcast(Rules(spatial=GapRule(True, (0, 1000), 2)))
    problems = Problems()
    Combined(SeaCache(), inner).check(About("wan", 10, 10, 3, None, True), problems)
    (problem,) = problems.found
    assert "seacache decides while it samples, and no other method can act" in str(problem)
