"""The engine on diffusers' Latte, against the bare model and against diffusers' own hook."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import LatteTransformer3DModel, PyramidAttentionBroadcastConfig
from diffusers.hooks import apply_pyramid_attention_broadcast

from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.latte.architecture import LatteArchitecture

GOLDEN = Path(__file__).parents[2] / "fixtures" / "latte" / "latte_tiny_pab.json"
TIMES = [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    kwargs = json.loads(GOLDEN.read_text())["constructor_kwargs"]
    return LatteTransformer3DModel(**kwargs).eval()


@torch.no_grad()
def sample(transformer, on_step=lambda timestep: None):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, 16, 8, 8, generator=generator)
    text = torch.randn(2, 7, 32, generator=generator)
    for timestep in TIMES:
        on_step(timestep)
        time = torch.tensor([timestep, timestep])
        output = transformer(x, timestep=time, encoder_hidden_states=text, return_dict=False)[0]
        x = x - 0.1 * output.chunk(2, dim=1)[0]
    return x


def attached(transformer, rules, broadcast_object="output"):
    architecture = LatteArchitecture(transformer)
    plan = make_plan(rules, TIMES, architecture.depth, architecture.groups)
    with Engine(architecture, plan, broadcast_object) as broadcast:
        result = sample(transformer)
    broadcast.ledger.check(plan)
    return result


def test_nothing_reused_is_bit_equal_to_the_bare_model(transformer):
    bare = sample(transformer)
    nothing = Rules(*(GapRule(True, (0, 1000), 1) for _ in range(5)))
    assert torch.equal(bare, attached(transformer, nothing))
    assert torch.equal(bare, sample(transformer))


@pytest.mark.parametrize(
    "gaps", [(2, 1, 1), (1, 3, 1), (1, 1, 4), (2, 3, 6)], ids=lambda gaps: "".join(map(str, gaps))
)
def test_ungated_equals_diffusers_hook_with_anchored_patterns(transformer, gaps):
    window = (100, 850)
    rules = Rules(*(GapRule(True, window, gap) for gap in gaps))
    ours = attached(transformer, rules, "ungated")

    now = [0]
    config = PyramidAttentionBroadcastConfig(
        # A range that no call reaches switches a kind off: diffusers has no gap of 1.
        spatial_attention_block_skip_range=gaps[0] if gaps[0] > 1 else None,
        temporal_attention_block_skip_range=gaps[1] if gaps[1] > 1 else None,
        cross_attention_block_skip_range=gaps[2] if gaps[2] > 1 else None,
        spatial_attention_timestep_skip_range=window,
        temporal_attention_timestep_skip_range=window,
        cross_attention_timestep_skip_range=window,
        current_timestep_callback=lambda: now[0],
        # Unanchored, the first pattern matches temporal blocks too.
        spatial_attention_block_identifiers=("^transformer_blocks",),
        temporal_attention_block_identifiers=("^temporal_transformer_blocks",),
        cross_attention_block_identifiers=("^transformer_blocks",),
    )
    apply_pyramid_attention_broadcast(transformer, config)
    theirs = sample(transformer, lambda timestep: now.__setitem__(0, timestep))
    assert torch.equal(ours, theirs)


def test_every_rule_changes_the_result(transformer):
    bare = sample(transformer)
    window = (100, 850)
    off = GapRule()
    for kind in range(5):
        rules = [off] * 5
        rules[kind] = GapRule(True, window, 2)
        whole = attached(transformer, Rules(*rules))
        rules[kind] = GapRule(True, window, 2, block=(0, 1))
        part = attached(transformer, Rules(*rules))
        assert not torch.equal(bare, whole)
        assert not torch.equal(bare, part)
        assert not torch.equal(whole, part)
