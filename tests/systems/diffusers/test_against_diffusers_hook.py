"""diffusers' own Pyramid Attention Broadcast: the same where a step is one call, and only there."""

import pytest
import torch
from diffusers import DiffusionPipeline
from systems.diffusers.driven import GUIDANCE, KNOWN, WINDOW, Driven, drive, whole
from systems.diffusers.other_pab import attach_hook, attach_per_lane

from pab_bench.engine.engine import Engine
from pab_bench.methods.rules import GapRule, Rules


def attention(gap):
    rule = GapRule(True, WINDOW, gap)
    return Rules(spatial=rule, cross=rule)


def fresh(folder):
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def relative(latents, baseline):
    return float((latents - baseline).norm() / baseline.norm())


@pytest.mark.parametrize("gap", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["ltx", "mochi", "cogvideox", "hunyuan"])
def test_its_videos_are_ours(saved, name, gap):
    driven = drive(name, saved(name), system=KNOWN[name].system or "diffusers")
    pipeline = fresh(saved(name))
    attach_hook(pipeline, gap)
    frames, decoded = whole(pipeline, KNOWN[name])
    ours = driven.follow(attention(gap))
    assert torch.equal(ours, decoded)
    assert (driven.sampler.decode(ours) == frames).all()
    assert not torch.equal(ours, driven.bare()[1])


@pytest.fixture(scope="module")
def ours(saved) -> Driven:
    return drive("wan", saved("wan"), system="wan")


@pytest.mark.parametrize("gap", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_without_guidance_there_is_one_call_a_step(saved, ours, gap):
    pipeline = fresh(saved("wan"))
    attach_hook(pipeline, gap)
    ours.sampler.lanes(1.0)
    rules = attention(gap)
    with Engine(ours.sampler.architecture, ours.plan(rules), "ungated") as engine:
        latents = ours.denoise(guidance=1.0)
    engine.ledger.check(engine.plan)
    assert torch.equal(latents, whole(pipeline, KNOWN["wan"], guidance=1.0)[1])
    assert not torch.equal(latents, ours.call(guidance=1.0)[1])


@pytest.mark.parametrize("gap", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_with_guidance_ours_keeps_both_calls_apart_and_the_hook_mixes_them(saved, ours, gap):
    latents = ours.follow(attention(gap))
    apart = fresh(saved("wan"))
    attach_per_lane(apart, gap, lanes=2)
    assert torch.equal(latents, whole(apart, KNOWN["wan"], guidance=GUIDANCE)[1])
    mixed = fresh(saved("wan"))
    attach_hook(mixed, gap)
    theirs = whole(mixed, KNOWN["wan"], guidance=GUIDANCE)[1]
    baseline = ours.bare()[1]
    assert 0 < 2 * relative(latents, baseline) < relative(theirs, baseline)
