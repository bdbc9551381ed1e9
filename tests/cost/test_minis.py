"""What is counted without weights is what the loaded minis do."""

from __future__ import annotations

import pytest
import torch

from pab_bench.broadcast.cache_options import CacheOptions
from pab_bench.broadcast.engine import Broadcast
from pab_bench.broadcast.plan import make_plan
from pab_bench.broadcast.rules import GapRule, Rules
from pab_bench.cost.cache_bytes import predict_cache
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.registry import get_blueprint
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.minis.registry import NAMES, find_mini

PROMPT = "a small white square moves left quickly over a black background"
STEPS = 5


@pytest.fixture(scope="module", params=NAMES)
def mini(request):
    return find_mini(request.param)


@pytest.fixture(scope="module")
def sampler(mini):
    return mini.load()


@pytest.fixture(scope="module")
def blueprint(mini):
    return get_blueprint(mini.settings, "float32")


def denoise(mini, sampler):
    with torch.no_grad():
        return sampler.denoise(
            sampler.encode(PROMPT), sampler.noise(0), STEPS, mini.guidance, lambda step: None
        )


def test_timesteps_and_tokens(mini, sampler, blueprint):
    assert blueprint.timesteps(STEPS) == sampler.timesteps(STEPS)
    assert blueprint.timesteps(mini.steps) == sampler.timesteps(mini.steps)
    assert blueprint.text_tokens([PROMPT, "a"]) == sampler.encode(PROMPT).tokens
    assert blueprint.guided(mini.guidance)


def test_work_of_the_real_run(mini, sampler, blueprint):
    tokens = sampler.encode(PROMPT).tokens
    predicted = transformer_work(blueprint.architecture, blueprint.inputs(2, tokens)).total
    text, noise = sampler.encode(PROMPT), sampler.noise(0)
    with WorkCounter() as counter:
        sampler.denoise(text, noise, STEPS, mini.guidance, lambda step: None)
    assert counter.work == predicted * len(sampler.timesteps(STEPS))


@pytest.mark.parametrize("broadcast_object", ["output", "ungated", "scores"])
@pytest.mark.parametrize("cache", [CacheOptions(), CacheOptions("float8_e4m3fn")])
def test_bytes_of_the_real_run(mini, sampler, blueprint, broadcast_object, cache):
    architecture, times = sampler.architecture, sampler.timesteps(STEPS)
    rules = Rules(*(GapRule(True, (0, 990), gap) for gap in (2, 3, 4, 2, 3)))
    plan = make_plan(rules, times, architecture.depth, architecture.groups, counter_period=STEPS)
    tokens = sampler.encode(PROMPT).tokens
    work = transformer_work(blueprint.architecture, blueprint.inputs(2, tokens), broadcast_object)
    with Broadcast(architecture, plan, broadcast_object, cache=cache) as broadcast:
        latents = denoise(mini, sampler)
    broadcast.ledger.check(plan)
    assert torch.isfinite(latents).all()
    assert broadcast.peak_cache_bytes == predict_cache(plan, work, cache).peak > 0
