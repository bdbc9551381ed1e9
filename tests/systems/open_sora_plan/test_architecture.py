"""The engine on `LatteT2V` in PNDM's loop."""

import pytest
import torch
from systems.open_sora_plan.seeded import numbers
from systems.open_sora_plan.small import small_pipeline

from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.timesteps.pndm import pndm_timesteps

STEPS = 6


@pytest.fixture(scope="module")
def pipeline():
    return small_pipeline()


def sample(pipeline):
    return pipeline(
        prompt_embeds=numbers((1, 5, 64), 0),
        negative_prompt_embeds=numbers((1, 5, 64), 1),
        num_inference_steps=STEPS,
        latents=numbers((1, 4, 3, 8, 8), 2),
        output_type="latent",
    ).frames


def attached(pipeline, rules, videos=1, **options):
    architecture = OpenSoraPlanArchitecture(pipeline.transformer)
    plan = make_plan(rules, pndm_timesteps(STEPS), architecture.depth, architecture.groups, STEPS)
    with Engine(architecture, plan, **options) as broadcast:
        latents = [sample(pipeline) for _ in range(videos)]
        broadcast.ledger.check(plan)
    return latents


def test_nothing_reused_is_bit_equal_to_the_bare_model(pipeline):
    bare = sample(pipeline)
    nothing = Rules(*(GapRule(True, (0, 1000), 1) for _ in range(5)))
    assert torch.equal(bare, attached(pipeline, nothing)[0])
    assert torch.equal(bare, sample(pipeline))


def test_every_video_begins_anew(pipeline):
    """Upstream's second video begins nine calls later in the pattern."""
    keys = KeyRule((KeyTime(332, 2, frozenset({0})),))
    rules = Rules(*(GapRule(True, (100, 850), gap) for gap in (2, 4, 5)), keys, keys)
    first, second = attached(pipeline, rules, videos=2)
    assert torch.equal(first, second)
    assert not torch.equal(first, sample(pipeline))


@pytest.mark.parametrize("kind", range(5))
def test_every_rule_changes_the_result(pipeline, kind):
    rules = [GapRule()] * 5
    rules[kind] = GapRule(True, (100, 850), 2)
    assert not torch.equal(sample(pipeline), attached(pipeline, Rules(*rules))[0])
