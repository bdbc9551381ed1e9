"""Every tiny pipeline through the generic sampler, against the bare pipeline's own call."""

import copy
import inspect
from collections import Counter

import numpy as np
import pytest
import torch
from systems.diffusers.driven import GUIDANCE, PROMPT, SEED, STEPS, drive, every, only

from pab_bench.methods.rules import Rules
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.systems.base import lanes_of

OTHER_PROMPT = "two blue squares"


def modules(driven):
    """Everything that a context may have changed in modules, pipeline and scheduler."""
    pipeline = driven.sampler.pipeline
    hooks = {
        (number, name): (
            module.__dict__.get("forward"),
            list(module._forward_hooks.values()),
            list(module._forward_pre_hooks.values()),
        )
        for number, transformer in enumerate(driven.transformers)
        for name, module in transformer.named_modules()
    }
    own = {name for name in ("encode_prompt", "decode_latents") if name in vars(pipeline)}
    return hooks, own, vars(pipeline.vae).get("decode"), type(pipeline.scheduler).step


def test_sites_are_found_by_rule(driven):
    architecture = driven.sampler.architecture
    found = Counter()
    for group, depth in architecture.depths.items():
        found[group.name] = depth
    assert dict(found) == driven.known.groups
    assert architecture.depth == driven.known.depth
    assert len(driven.transformers) == driven.known.transformers
    own = {id(module) for transformer in driven.transformers for module in transformer.modules()}
    blocks = architecture.blocks()
    assert len(blocks) == sum(driven.known.groups.values()) * driven.known.transformers
    assert all(id(block.module) in own for block in blocks)
    no_list = "is in no list of blocks"
    assert architecture.left_out == dict.fromkeys(driven.known.left_out, no_list)


def test_stages_equal_the_pipelines_own_call(driven):
    frames, decoded = driven.bare()
    latents = driven.denoise()
    assert torch.equal(latents, decoded)
    assert np.array_equal(driven.sampler.decode(latents), frames)
    assert frames.std() > 1  # Not vacuous.
    other = driven.denoise(OTHER_PROMPT)
    assert not torch.equal(other, latents)
    assert torch.equal(driven.denoise(), latents)
    assert not torch.equal(driven.denoise(seed=SEED + 1), latents)


def test_a_gap_of_one_is_the_bare_pipeline(driven):
    assert torch.equal(driven.follow(every(1)), driven.bare()[1])


def test_every_kind_has_an_effect_of_its_own(driven):
    bare = driven.bare()[1]
    kinds = {group.kind for group in driven.sampler.architecture.groups}
    results = []
    for kind in ("spatial", "temporal", "cross", "mlp"):
        latents = driven.follow(only(kind))
        assert torch.equal(latents, bare) == (kind not in kinds)
        if kind in kinds:
            results.append(latents)
    for index, one in enumerate(results):
        assert not any(torch.equal(one, other) for other in results[:index])


def test_everything_is_restored(driven):
    before = modules(driven)
    with driven.engine(every(2)):
        assert modules(driven)[0] != before[0]
        driven.denoise()
    driven.sampler.lanes(1.0)
    assert modules(driven) == before
    assert torch.equal(driven.denoise(), driven.bare()[1])


def test_noise_levels_fall_and_steps_are_told(driven):
    levels = driven.sampler.timesteps(STEPS)
    assert len(levels) == STEPS
    assert list(levels) == sorted(levels, reverse=True)
    assert levels[0] > 500
    assert min(levels) >= 0
    told = []
    driven.denoise(on_step=told.append)
    assert told == list(range(STEPS))


def test_lanes_are_counted(driven):
    assert lanes_of(driven.sampler, GUIDANCE) == driven.known.lanes
    assert lanes_of(driven.sampler, 1.0) == 1
    calls = []
    hooks = [
        transformer.register_forward_pre_hook(lambda module, args: calls.append(1))
        for transformer in driven.transformers
    ]
    driven.denoise()
    for hook in hooks:
        hook.remove()
    assert len(calls) == STEPS * driven.known.lanes


def test_curves_are_recorded_in_every_lane(driven):
    recorder = AttentionDifference()
    assert torch.equal(driven.follow(Rules(), observers=[recorder]), driven.bare()[1])
    rows = recorder.rows(driven.sampler.timesteps(STEPS))
    sites = sum(driven.known.groups.values()) * driven.known.lanes
    sites *= STEPS - driven.known.transformers  # Nothing comes before the first step of each.
    ungated = [row for row in rows if row["tensor"] == "ungated"]
    assert len(ungated) == sites
    assert all(row["energy"] > 0 and row["mse"] > 0 for row in ungated)


def test_a_prompt_is_encoded_once(driven):
    calls = []
    encoder = driven.sampler.pipeline.text_encoder
    hook = encoder.register_forward_pre_hook(lambda module, args: calls.append(1))
    text = driven.sampler.encode("a prompt that nobody has asked for")
    encoded = len(calls)
    again = driven.sampler.encode("a prompt that nobody has asked for")
    for seed in (0, 1):
        driven.sampler.denoise(text, driven.sampler.noise(seed), STEPS, GUIDANCE, lambda step: None)
    hook.remove()
    assert 0 < len(calls) == encoded
    assert torch.equal(text.conditional, again.conditional)
    other = driven.sampler.encode(OTHER_PROMPT)
    assert not torch.equal(text.conditional, other.conditional)
    assert text.tokens > 0


def test_digests_do_not_depend_on_what_was_asked_before(saved):
    sampler = drive("wan", saved("wan")).sampler
    before = sampler.encode(PROMPT)
    sampler.lanes(1.0)
    calls = []
    text = sampler.encode(OTHER_PROMPT)
    encoder = sampler.pipeline.text_encoder
    hook = encoder.register_forward_pre_hook(lambda module, args: calls.append(1))
    sampler.denoise(text, sampler.noise(0), STEPS, 1.0, lambda step: None)
    hook.remove()
    assert calls == []  # Encoded in time for the scale that was asked for last.
    assert torch.equal(sampler.encode(PROMPT).conditional, before.conditional)
    fresh = drive("wan", saved("wan")).sampler
    assert torch.equal(fresh.encode(OTHER_PROMPT).conditional, text.conditional)


def test_the_scheduler_is_untouched(driven):
    kind = type(driven.sampler.pipeline.scheduler)
    signature = inspect.signature(kind.step)
    own, seen = kind.step, []

    def look(step):
        seen.append((inspect.signature(kind.step), kind.step is own))
        copy.deepcopy(driven.sampler.pipeline.scheduler)

    driven.denoise(on_step=look)
    assert seen == [(signature, False)] * STEPS
    assert kind.step is own


def test_the_control_has_seeded_random_weights(saved):
    first, again = (
        drive("wan", saved("wan"), random_weights=True).sampler.architecture.transformer
        for _ in range(2)
    )
    own = drive("wan", saved("wan")).sampler.architecture.transformer.state_dict()
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        assert value.any()
    assert any(not torch.equal(value, own[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("prompt", [PROMPT, OTHER_PROMPT])
def test_a_negative_prompt_has_an_effect(saved, wan, prompt):
    other = drive("wan", saved("wan"), negative_prompt="blurry")
    assert not torch.equal(other.denoise(prompt), wan.denoise(prompt))
