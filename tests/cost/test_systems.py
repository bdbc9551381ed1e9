"""What is counted without weights is what every loaded system does, tiny, in its real pipeline."""

from __future__ import annotations

import pytest
import torch
from systems.test_contract import SYSTEMS

from pab_bench.cost.cache_bytes import predict_cache
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems import registry
from pab_bench.systems.registry import get_blueprint

PROMPT = "a small white square moves left quickly over a black background"
STEPS = 5
GUIDANCE = 4.0


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request, tmp_path_factory):
    return SYSTEMS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def sampler(system):
    return system.sampler


@pytest.fixture(scope="module")
def blueprint(system):
    return get_blueprint(system.model, "float32")


def denoise(sampler):
    text, noise = sampler.encode(PROMPT), sampler.noise(0)
    return sampler.denoise(text, noise, STEPS, GUIDANCE, lambda step: None)


def test_every_system_has_a_blueprint():
    have = {name for name in registry.SYSTEMS if registry.SYSTEMS.load(name).blueprint}
    assert have == set(registry.SYSTEMS) >= set(SYSTEMS)


def test_timesteps_and_tokens(sampler, blueprint):
    for steps in (STEPS, 20):
        assert blueprint.timesteps(steps) == sampler.timesteps(steps)
    tokens = sampler.encode(PROMPT).tokens
    assert blueprint.text_tokens([PROMPT, "a"]) in (tokens, None)
    assert tokens <= blueprint.padded_text_tokens
    assert blueprint.guided(GUIDANCE)
    assert not blueprint.guided(1.0)


def test_work_of_the_real_run(sampler, blueprint):
    tokens = sampler.encode(PROMPT).tokens
    predicted = transformer_work(blueprint.architecture, blueprint.inputs(2, tokens)).total
    text, noise = sampler.encode(PROMPT), sampler.noise(0)
    with WorkCounter() as counter:
        sampler.denoise(text, noise, STEPS, GUIDANCE, lambda step: None)
    assert counter.work == predicted * len(sampler.timesteps(STEPS))
    assert counter.work.attention > 0


def test_work_of_the_real_decoder(sampler, blueprint):
    latents = denoise(sampler)
    with WorkCounter() as real:
        sampler.decode(latents)
    with WorkCounter() as predicted:
        blueprint.decode("model")
    assert predicted.work == real.work
    assert predicted.work.linear > 0


@pytest.mark.parametrize(
    ("broadcast_object", "dtype"),
    [("output", None), ("ungated", "float8_e4m3fn"), ("scores", None)],
)
def test_bytes_of_the_real_run(sampler, blueprint, broadcast_object, dtype):
    cache = CacheOptions(dtype)
    architecture, times = sampler.architecture, sampler.timesteps(STEPS)
    rules = Rules(*(GapRule(True, (0, 1001), gap) for gap in (2, 3, 4, 2, 3)))
    plan = make_plan(rules, times, architecture.depth, architecture.groups, counter_period=STEPS)
    tokens = sampler.encode(PROMPT).tokens
    work = transformer_work(blueprint.architecture, blueprint.inputs(2, tokens), broadcast_object)
    with Engine(architecture, plan, broadcast_object, cache=cache) as broadcast:
        latents = denoise(sampler)
    broadcast.ledger.check(plan)
    assert torch.isfinite(latents).all()
    assert broadcast.peak_cache_bytes == predict_cache(plan, [work], cache).peak > 0
