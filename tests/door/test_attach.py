from dataclasses import replace

import pytest
import torch
from door.systems_at_hand import OTHER_PROMPT, SYSTEMS
from systems.contract import every, modules, recorded_calls

import pab_bench as pb
from pab_bench.engine.engine import Engine
from pab_bench.engine.ledger import LedgerMismatch
from pab_bench.methods.pab_plan import make_plan
from pab_bench.systems.registry import architecture_of


class BrokenOff(Exception):
    pass


@pytest.fixture(scope="module")
def bare(system):
    with recorded_calls(system.pipe.transformer) as calls:
        latents = system.make()
    return latents, tuple(call.timesteps[0] for call in calls)


def break_off(system, calls, **arguments):
    """Begin a video and raise in the first block of a call."""
    left = iter(range(calls))

    def stop(module, args, kwargs):
        if next(left, None) is None:
            raise BrokenOff

    block = architecture_of(system.pipe.transformer).blocks()[0].module
    handle = block.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        with pytest.raises(BrokenOff):
            system.make(**arguments)
    finally:
        handle.remove()


def test_a_gap_of_one_is_the_bare_pipeline(system, bare):
    latents, timesteps = bare
    with pb.attach(system.pipe, every(1)) as run:
        assert torch.equal(system.make(), latents)
    assert run.timesteps == timesteps
    assert run.plan.is_baseline()
    assert run.peak_cache_bytes == 0
    assert run.videos == 1


@pytest.mark.parametrize("gap", [2, 3])
def test_what_is_reused_is_what_the_sampler_would_reuse(system, bare, gap):
    latents, timesteps = bare
    architecture = architecture_of(system.pipe.transformer)
    plan = make_plan(
        every(gap), timesteps, architecture.depth, architecture.groups, counter_period=system.steps
    )
    with Engine(architecture, plan) as engine:
        expected = system.make()
    with pb.attach(system.pipe, every(gap)) as run:
        reused = system.make()
    assert torch.equal(reused, expected)
    assert not torch.equal(reused, latents)
    assert run.plan.digest() == plan.digest()
    assert run.plan.reuse_share() > 0.2
    run.ledger.check(plan)
    assert run.ledger.totals() == engine.ledger.totals()
    assert run.peak_cache_bytes == engine.peak_cache_bytes > 0


@pytest.mark.parametrize("broadcast_object", ["ungated", "scores"])
def test_the_keys_say_which_tensor_is_kept(system, bare, broadcast_object):
    window = (-1, 1001)
    keys = pb.PAB(spatial_gap=2, spatial_threshold=window, broadcast_object=broadcast_object)
    with pb.attach(system.pipe, keys) as run:
        video = system.make()
    with pb.attach(system.pipe, replace(keys, broadcast_object="output")):
        assert not torch.equal(system.make(), video)
    assert run.plan.reuse_share("spatial") > 0
    assert run.plan.reuse_share("mlp") == 0


def test_modules_are_restored(system, bare):
    before = modules(system.pipe.transformer)
    with pb.attach(system.pipe, every(2)) as run:
        assert modules(system.pipe.transformer) != before
        system.make()
    assert modules(system.pipe.transformer) == before
    assert run.videos == 1
    with pytest.raises(ZeroDivisionError), pb.attach(system.pipe, every(2)):
        system.make(steps=system.steps // 0)
    assert modules(system.pipe.transformer) == before
    with pb.attach(system.pipe, every(2)):
        break_off(system, calls=1)
    assert modules(system.pipe.transformer) == before
    assert torch.equal(system.make(), bare[0])


def test_every_video_begins_anew(system):
    with pb.attach(system.pipe, every(3)):
        expected = system.make()
    with pb.attach(system.pipe, every(3)) as run:
        system.make(prompt=OTHER_PROMPT, seed=1)
        assert torch.equal(system.make(), expected)
    assert run.videos == 2


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_a_video_after_one_that_was_broken_off_begins_anew(system, calls):
    with pb.attach(system.pipe, every(3)):
        expected = system.make()
    with pb.attach(system.pipe, every(3)) as run:
        break_off(system, calls, prompt=OTHER_PROMPT, seed=1)
        assert torch.equal(system.make(), expected)
    assert run.videos == 1


def test_another_number_of_steps_is_planned_anew(system):
    more = system.steps + 2
    with pb.attach(system.pipe, every(2)) as run:
        expected = system.make(steps=more)
        peak = run.peak_cache_bytes
    with pb.attach(system.pipe, every(2)) as run:
        system.make()
        before = run.plan
        assert torch.equal(system.make(steps=more), expected)
        assert run.plan.calls == before.calls + 2
        break_off(system, calls=3)
        assert torch.equal(system.make(steps=more), expected)
    assert run.videos == 3
    assert run.peak_cache_bytes >= peak


def test_a_transformer_alone_is_told_its_timesteps(system, bare):
    _, timesteps = bare
    with pb.attach(system.pipe, every(2)):
        expected = system.make()
    transformer = system.pipe.transformer
    with pb.attach(transformer, every(2), timesteps=timesteps, steps=system.steps) as run:
        assert torch.equal(system.make(), expected)
    assert run.videos == 1


def test_a_ledger_that_differs_is_an_error():
    # Open-Sora-Plan's pipeline can leave the temporal blocks out.
    system = SYSTEMS["open_sora_plan"]()
    with pytest.raises(LedgerMismatch, match="was not visited"), pb.attach(system.pipe, every(2)):
        system.call(
            prompt="", num_inference_steps=4, enable_temporal_attentions=False, output_type="latent"
        )
