"""Calls of every class compute what they should, in any order, as often as one likes."""

from __future__ import annotations

import pytest
import torch
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer
from hypothesis import given, settings
from hypothesis import strategies as st
from speed.toy_scene import ToyScene, modules_of
from timings.strategies import keepings, plans
from torch.overrides import TorchFunctionMode

from pab_bench.engine.attention_functions import FUSED
from pab_bench.engine.cache import Cache
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.experiment.session import open_session
from pab_bench.methods.base import plan_of
from pab_bench.speed.bench import Bench, bench_plan
from pab_bench.speed.captured import Scene
from pab_bench.timings.call_classes import BASELINE, CallClass, Keeping, plan_calls

TOY = ToyArchitecture(ToyTransformer())
NAMES = {group.name: group for group in GROUPS}
AS_IT_IS = keepings.filter(lambda keeping: keeping.broadcast_object != "scores")
"""The toy attends to nothing."""


def sites(entries):
    return {(NAMES[name], block) for name, blocks in entries for block in blocks}


@st.composite
def benches(draw, ways=AS_IT_IS):
    """Classes of plans that keep outputs in one way, and an order of calls."""
    keeping = draw(ways)
    some = draw(st.lists(plans(GROUPS, st.just(2)), min_size=1, max_size=2))
    kinds = [BASELINE]
    for plan in some:
        kinds += plan_calls(plan, keeping).classes
    kinds = list(dict.fromkeys(kinds))
    return kinds, draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=8))


@given(benches())
@settings(max_examples=30)
def test_a_call_computes_and_keeps_what_its_class_says(drawn):
    kinds, order = drawn
    toy = ToyScene()
    bench = Bench(toy.sampler.architecture, toy.capture(5), kinds)
    put, everything = [], set(modules_of(toy.sampler.transformer))
    real = Cache.put
    Cache.put = lambda cache, address, tensors: (put.append(address), real(cache, address, tensors))
    try:
        toy.take_computed()
        with bench.attached():
            assert set(toy.take_computed()) == everything
            reused = set().union(*(sites(kind.reused) for kind in kinds))
            assert {(group, block) for group, _, block, _ in put} == reused
            for kind in order:
                put.clear()
                bench.call(kind)
                computed = toy.take_computed()
                assert len(computed) == len(set(computed))
                assert set(computed) == everything - sites(kind.reused)
                assert {(group, block) for group, _, block, _ in put} == sites(kind.kept)
    finally:
        Cache.put = real


@torch.no_grad()
def by_hand(transformer: ToyTransformer, captured, reused, known):
    """A call of the toy: sites in `reused` put out what is `known` of them; all are in `found`."""
    x, found = captured.args[0], {}
    time = captured.kwargs["timestep"].float()[:, None] / 1000
    gate = time.sin()

    def site(group, block, compute):
        found[group, block] = known[group, block] if (group, block) in reused else compute()
        return found[group, block]

    for i, (s, t) in enumerate(zip(transformer.spatial, transformer.temporal, strict=True)):
        for module, attention, mlp in ((s, SPATIAL, MLP_SPATIAL), (t, TEMPORAL, MLP_TEMPORAL)):
            x = site(attention, i, lambda m=module, x=x: gate * m.attention(x + time)) + x
            if module.cross is not None:
                x = site(CROSS, i, lambda m=module, x=x: m.cross(x)) + x
            x = site(mlp, i, lambda m=module, x=x: gate * m.mlp(x + time)) + x
    return x, found


HALVED = Keeping(cache=CacheOptions("float16"))
"""At a cost, so that classes keep, too."""


@given(benches(st.just(HALVED)))
@settings(max_examples=30)
def test_what_is_reused_is_of_the_first_call(drawn):
    """The weights change before every call, so that no two outputs of a site are the same."""
    kinds, order = drawn
    toy = ToyScene()
    transformer = toy.sampler.transformer
    (captured,) = toy.capture(5)
    _, found = by_hand(transformer, captured, set(), {})
    known = {site: output.half().float() for site, output in found.items()}
    bench = Bench(toy.sampler.architecture, [captured], kinds)
    with bench.attached():
        for kind in order:
            with torch.no_grad():
                for parameter in transformer.parameters():
                    parameter.add_(0.5)
            bench.call(kind)
            expected, _ = by_hand(transformer, captured, sites(kind.reused), known)
            assert torch.equal(toy.outputs[-1], expected)


@pytest.fixture
def mini(settings_of):
    one = settings_of(
        "spatial_gap=2", "temporal_gap=3", "cross_gap=2", "mlp_skip=true", "mlp_gap=4"
    )
    session = open_session(one)
    text, _ = session.encode(one.prompts[0])
    scene = Scene(session.sampler, text, session.sampler.noise(0), one.guidance)
    return scene, plan_of(one.method, session.sampler, one.steps)


class Computed(TorchFunctionMode):
    """Enters every site of Latte's blocks whose queries, or hidden layer, are computed.

    Attributes:
        sites: those.
        fused: how often attention was computed in one piece, without its scores.
    """

    def __init__(self, architecture):
        super().__init__()
        self.sites, self.fused = [], 0
        self._of_weight = {}
        for block in architecture.blocks():
            own = block.module
            attention, mlp = (
                (SPATIAL, MLP_SPATIAL) if block.branch == "spatial" else (TEMPORAL, MLP_TEMPORAL)
            )
            self._of_weight[id(own.attn1.to_q.weight)] = attention, block.index
            self._of_weight[id(own.ff.net[0].proj.weight)] = mlp, block.index
            if block.branch == "spatial":
                self._of_weight[id(own.attn2.to_q.weight)] = CROSS, block.index

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.nn.functional.linear and id(args[1]) in self._of_weight:
            self.sites.append(self._of_weight[id(args[1])])
        self.fused += func is FUSED
        return func(*args, **(kwargs or {}))

    def take(self):
        taken = self.sites, self.fused
        self.sites, self.fused = [], 0
        return taken


@pytest.mark.parametrize(
    ("keeping", "exactness"),
    [
        (Keeping(), 0),
        (Keeping("ungated"), 0),
        (Keeping("scores"), 1e-5),
        (Keeping("scores", CacheOptions("bfloat16")), 0.05),
        (Keeping(cache=CacheOptions("float8_e4m3fn")), 0.5),
    ],
    ids=str,
)
def test_every_way_to_keep_outputs_in_a_real_model(mini, keeping, exactness):
    scene, plan = mini
    architecture = scene.sampler.architecture
    (captured,) = scene.capture(6)
    kinds = [BASELINE, *plan_calls(plan, keeping).classes]
    bench = Bench(architecture, [captured], list(dict.fromkeys(kinds)))
    outputs = []
    hook = architecture.transformer.register_forward_hook(
        lambda module, args, output: outputs.append(output[0])
    )
    with Computed(architecture) as computed, bench.attached():
        everything = set(computed.take()[0])
        assert len(everything) == 5 * architecture.depth
        for kind in reversed(kinds):
            bench.call(kind)
            own, fused = computed.take()
            assert len(own) == len(set(own))
            assert set(own) == everything - sites(kind.reused)
            # Where scores are kept, attention is computed in the open.
            open_ = sites(kind.kept) if keeping.broadcast_object == "scores" else set()
            assert fused == sum(group.kind != "mlp" for group, _ in set(own) - open_)
    hook.remove()
    assert len(kinds) > 3
    for output in outputs:  # All have the same input, so that old outputs are as good as new ones.
        assert (output - captured.output[0]).abs().max() <= exactness * captured.output[0].std()


def test_the_transformer_is_itself_again(mini):
    scene, plan = mini
    transformer = scene.sampler.architecture.transformer
    (captured,) = scene.capture(6)
    before = [dict(module.__dict__) for module in transformer.modules()]
    kinds = list(plan_calls(plan, Keeping("scores")).classes)
    bench = Bench(scene.sampler.architecture, [captured], kinds)
    for _ in range(2):  # It can be attached again.
        with bench.attached():
            bench.call(kinds[-1])
    with pytest.raises(KeyError), bench.attached():
        bench.call(CallClass((("spatial", (0,)),), (), Keeping()))
    after = [dict(module.__dict__) for module in transformer.modules()]
    assert [b.get("forward") for b in before] == [a.get("forward") for a in after]
    for name in ("_forward_pre_hooks", "_forward_hooks"):
        assert [len(b[name]) for b in before] == [len(a[name]) for a in after]
    with torch.no_grad():
        bare = transformer(*captured.args, **captured.kwargs)
    assert torch.equal(bare[0], captured.output[0])
    with pytest.raises(RuntimeError, match="not attached"):
        bench.call(kinds[0])


def test_classes_that_keep_outputs_in_two_ways_are_refused(toy):
    reused = (("spatial", (0,)),)
    kinds = [CallClass(reused, (), keeping) for keeping in (Keeping(), HALVED)]
    with pytest.raises(ValueError, match="in 2 ways"):
        Bench(toy.sampler.architecture, toy.capture(5), kinds)


@given(benches())
@settings(max_examples=30)
def test_the_plan_of_a_bench_reuses_only_what_was_computed(drawn):
    kinds, _ = drawn
    plan = bench_plan(kinds, TOY, 900)
    assert plan.timesteps == (900,) * plan.calls
    for group in GROUPS:
        source = plan.source[group]
        for call, block in zip(*plan.reuse(group).nonzero(), strict=True):
            assert source[call, block] < call
            assert source[source[call, block], block] == source[call, block]
        # What is reused stays: its last use is never called.
        last = plan.last_use(group)[: 1 + len(kinds)]
        computes = ~plan.reuse(group)[: 1 + len(kinds)]
        own = [[call] * plan.depth for call in range(1 + len(kinds))]
        assert ((last == own) | (last > len(kinds)))[computes].all()
