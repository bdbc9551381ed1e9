"""The engine beside accelerate's hooks, which bring a block's own parameters to the device."""

from dataclasses import replace

import accelerate
import torch

from pab_bench.engine.engine import Engine
from pab_bench.methods.base import plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.minis.registry import find_mini
from pab_bench.systems.registry import load_sampler

STEPS = 6


def test_an_offloaded_transformer_follows_the_plan_and_is_as_it_was_after_it():
    model = replace(find_mini("latte").settings, height=32, width=32)
    sampler = load_sampler(model, "cpu", "float32")
    rules = Rules(spatial=GapRule(True, (100, 800), 2))
    plan = plan_of(PyramidAttentionBroadcast(rules), sampler, STEPS)
    text, noise = sampler.encode("a large red circle moves right slowly"), sampler.noise(0)

    def denoise():
        return sampler.denoise(text, noise, STEPS, 4.0, lambda step: None)

    bare = denoise()
    with Engine(sampler.architecture, plan):
        expected = denoise()
    assert not torch.equal(expected, bare)
    transformer = sampler.architecture.transformer
    accelerate.cpu_offload(transformer, execution_device="cpu")
    assert transformer.transformer_blocks[0].scale_shift_table.is_meta
    own = {name: dict(module.__dict__) for name, module in transformer.named_modules()}
    with Engine(sampler.architecture, plan) as engine:
        assert torch.equal(denoise(), expected)
    engine.ledger.check(plan)
    assert torch.equal(denoise(), bare)
    for name, module in transformer.named_modules():
        for forward in ("forward", "_old_forward"):
            assert module.__dict__.get(forward) == own[name].get(forward)
