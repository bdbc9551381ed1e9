"""AdaCache: its rates against a walk through the specification, its residuals against a loop."""

import math
import random
from dataclasses import replace

import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer, sample, sample_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import (
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
)
from pab_bench.engine.places import At, Look
from pab_bench.errors import ConfigError
from pab_bench.methods.adacache import AdaCache
from pab_bench.methods.adacache_policy import AdaptiveToMotion, Motion
from pab_bench.methods.adacache_rates import Rates, codebook_rate
from pab_bench.methods.base import Facts, plan_of_facts

BOOK = (0.05, 0.1, 0.2, 0.3, 0.4, 1.0)
RATES = (5, 4, 3, 2, 2, 1)
OWN = AdaCache("own", BOOK, RATES, measure_blocks=(1,))
TIMES = (900, 830, 760, 700, 620, 540, 460, 400, 300, 210, 120, 40)


def walked(steps, pairs, protect, weight, measured):
    """The specification, step by step from 1: which are computed, and what was looked up."""
    rate, computed, motions = 1, 0, {}
    decisions, looked_up = [], []
    first, last = protect
    for step in range(1, steps + 1):
        if step == computed + rate or step <= first or step > steps - last:
            decisions.append(True)
            new_rate = rate
            if step > 1:
                changes = []
                for place, (change, motion) in enumerate(measured[step - 1]):
                    changes.append(change / rate)
                    gradient = weight * (motion - motions.get(place, 1)) / rate
                    motions[place] = motion
                    value = sum(changes) / len(changes) * (motion + abs(gradient))
                    looked_up.append(value)
                    new_rate = pairs[-1][1]
                    for threshold, own in reversed(pairs[:5]):
                        if value < threshold:
                            new_rate = own
            rate, computed = new_rate, step
        else:
            decisions.append(False)
    return decisions, looked_up


def video(seed, steps, places):
    """Of every step and place a change, and a motion that is of no account in half of them."""
    numbers = random.Random(seed)
    return [
        [(numbers.expovariate(4), numbers.choice((1.0, numbers.random()))) for _ in range(places)]
        for _ in range(steps)
    ]


@settings(max_examples=40)
@given(
    st.builds(video, st.integers(), st.integers(1, 40), st.integers(1, 3)),
    st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6, unique=True),
    st.lists(st.integers(1, 12), min_size=6, max_size=6),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.floats(0, 10),
)
def test_rates_follow_the_specification(measured, thresholds, rates, protect, weight):
    steps, thresholds = len(measured), sorted(thresholds)
    expected, looked_up = walked(
        steps, list(zip(thresholds, rates, strict=True)), protect, weight, measured
    )
    calls = range(steps)
    protected = {*calls[: protect[0]], *calls[max(0, steps - protect[1]) :]}
    own = Rates(thresholds, rates, protected, weight)
    decisions, values = [], []
    for call in range(steps):
        decisions.append(own.begin_call(call))
        if decisions[-1] and call:
            values += [own.changed(place, *entry) for place, entry in enumerate(measured[call])]
        assert own.begin_call(call) == decisions[-1]
    assert decisions == expected
    assert values == pytest.approx(looked_up, rel=1e-9, abs=1e-12)
    assert decisions[:2] == [True, True][:steps]


def test_the_sixth_threshold_is_never_read_and_what_is_no_number_has_the_last_rate():
    assert codebook_rate(0.4, BOOK, RATES) == codebook_rate(5.0, BOOK, RATES) == 1
    assert codebook_rate(math.nan, BOOK, RATES) == codebook_rate(math.inf, BOOK, RATES) == 1
    assert codebook_rate(0.0999, BOOK, RATES) == 4


def test_another_transformer_begins_anew():
    own = Rates(BOOK, RATES, {0}, 10.0)
    for call in range(2):
        assert own.begin_call(call)
    own.changed("a", 0.01)
    assert [own.begin_call(call) for call in (2, 3)] == [False, False]
    assert own.begin_call(4, anew=True)
    assert own.begin_call(5)
    assert own.rate == 1


class Loop:
    """AdaCache by hand on the toy, with residuals in a dictionary."""

    def __init__(self, transformer, measure, thresholds, rates):
        self.transformer, self.measure = transformer, measure
        self.rates = Rates(thresholds, rates, {0, len(TIMES) - 2, len(TIMES) - 1}, 0.0)
        self.kept, self.gates, self.computed = {}, {}, []

    def __call__(self, call, x, time):
        computes = self.rates.begin_call(call)
        self.computed.append(computes)
        gate = time.sin()
        pairs = zip(self.transformer.spatial, self.transformer.temporal, strict=True)
        for index, pair in enumerate(pairs):
            for branch, block in zip(("spatial", "temporal"), pair, strict=True):
                a = lambda x, block=block: gate * block.attention(x + time)  # noqa: E731

                def m(x, block=block):
                    inner = 0 if block.cross is None else block.cross(x)
                    return inner + gate * block.mlp(x + inner + time)

                x = x + self.residual(call, (branch, index), computes, a, x)
                x = x + self.residual(call, ("mlp", branch, index), computes, m, x)
        return x

    def residual(self, call, place, computes, compute, x):
        if computes:
            new, old = compute(x), self.kept.get(place)
            if place in self.measure and old is not None:
                change = float((old - new).abs().sum() / old.abs().sum())
                self.gates[0, call] = self.rates.changed(place, change)
            self.kept[place] = new
        return self.kept[place]


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(3)
    return ToyTransformer(3)


@pytest.fixture(scope="module")
def facts():
    return Facts(TIMES, len(TIMES), 3, GROUPS)


@torch.no_grad()
def by_hand(loop):
    x = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    for call, timestep in enumerate(TIMES):
        x = x - 0.1 * loop(call, x, torch.full((2, 1), timestep / 1000))
    return x


@pytest.mark.parametrize(
    ("measure", "places"),
    [
        (("temporal",), {("temporal", 1), ("temporal", 2)}),
        (("spatial",), {("spatial", 1), ("spatial", 2)}),
        (
            ("cross_mlp",),
            {("mlp", branch, i) for branch in ("spatial", "temporal") for i in (1, 2)},
        ),
    ],
)
def test_residuals_are_added_again(transformer, facts, measure, places):
    method = replace(OWN, measure=measure, measure_blocks=(1, 2))
    loop = Loop(transformer, places, BOOK, RATES)
    expected = by_hand(loop)
    plan = plan_of_facts(method, facts)
    assert plan.is_open
    with Engine(
        ToyArchitecture(transformer), plan, method.broadcast_object, policy=method.policy(facts)
    ) as engine:
        ours = sample(transformer, TIMES)
        first = engine.ledger
        again = sample(transformer, TIMES)  # State is new for every video.
    assert torch.allclose(ours, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(ours, again)
    for ledger in (first, engine.ledger):
        ledger.check(plan, method.sure_calls(facts))
        for group in GROUPS:
            assert (~ledger.decisions(group)).all(axis=1).tolist() == loop.computed
    assert 2 < sum(loop.computed) < len(TIMES)
    assert engine.gates == pytest.approx(loop.gates, rel=1e-4)
    residual = 2 * WIDTH * 4
    # A and M of each of six blocks, and the part of one of them that waits for its MLP.
    assert engine.peak_cache_bytes == (2 * 6 + 1) * residual


def test_lanes_decide_by_themselves(transformer, facts):
    method = replace(OWN, measure=("spatial",))
    starts = [torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(s)) for s in (0, 7)]
    starts[1] = starts[1] * 20
    plan = plan_of_facts(method, facts)
    own = ToyArchitecture(transformer)
    alone = []
    for start in starts:
        with Engine(own, plan, method.broadcast_object, policy=method.policy(facts)) as engine:
            alone += sample_lanes(transformer, TIMES, start)
            decided = engine.ledger.decisions(SPATIAL)
        alone.append(decided[:, 0].tolist())
    with Engine(own, plan, method.broadcast_object, lanes=2, policy=method.policy(facts)) as engine:
        both = sample_lanes(transformer, TIMES, *starts)
        done = [engine.ledger.executed(plan, lane).reuse(SPATIAL)[:, 0].tolist() for lane in (0, 1)]
    assert torch.equal(both[0], alone[0])
    assert torch.equal(both[1], alone[2])
    assert done == [alone[1], alone[3]]
    assert done[0] != done[1]
    assert {lane for lane, _ in engine.gates} == {0, 1}


MOTION = Motion((1, 2), (0, 9), 0.385, 8.0, 1.0)


def test_motion_by_a_loop_over_frames():
    residual = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    total = 0.0
    for stride in (1, 2):
        pairs = [(residual[:, f + stride], residual[:, f]) for f in range(5 - stride)]
        differing = sum(float((a - b).abs().sum()) for a, b in pairs)
        total += differing / sum(float(a.abs().sum() + b.abs().sum()) for a, b in pairs)
    assert MOTION.of(residual) == pytest.approx((total / 2 / 0.385) ** 8, rel=1e-4)
    still = residual[:, :1].expand(-1, 5, -1, -1)
    assert MOTION.of(still) == 0
    assert MOTION.of(torch.zeros(1, 5, 3, 4)) == 0


def test_frames_are_found_however_tokens_lie():
    batch, frames, patches, width = 2, 5, 3, 4
    grid = torch.randn(batch, frames, patches, width, generator=torch.Generator().manual_seed(0))
    policy = AdaptiveToMotion(lambda: Rates(BOOK, RATES, {0}, 1.0), (), {}, MOTION)
    look = Look((torch.zeros(batch, 4, frames, 6, 6),), {})
    policy.at_call(At(0, 4, 500), look)
    laid_out = {
        (TEMPORAL, 0): grid.flatten(1, 2),
        (SPATIAL, 0): grid.flatten(0, 1),
        (MLP_TEMPORAL, 0): grid.transpose(1, 2).flatten(0, 1),
    }
    for site, tokens in laid_out.items():
        assert policy.motion(At(0, 4, 500), site, tokens) == pytest.approx(MOTION.of(grid))
        assert policy.motion(At(0, 10, 20), site, tokens) == 1.0
    with pytest.raises(ConfigError, match=r"method.motion_strides=\[1, 2\]: must be below 2, the"):
        policy.at_call(At(0, 0, 900), Look((torch.zeros(2, 4, 2, 6, 6),), {}))
