"""Kept attention probabilities, against attention written out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import LatteTransformer3DModel
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample
from torch.nn import functional as F  # noqa: N812

from pab_bench.engine.attention_scores import (
    KeepProbabilities,
    NoAttention,
    UseProbabilities,
    query_key_layers,
)
from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.latte.architecture import LatteArchitecture
from pab_bench.systems.open_sora.layers import CrossAttention, RotaryEmbedding, SelfAttention

GOLDEN = Path(__file__).parents[1] / "fixtures" / "latte" / "latte_tiny_pab.json"
TIMES = [900, 700, 600, 500, 400, 300, 100]
WINDOW = (150, 850)


def allclose(ours, theirs):
    return torch.allclose(ours, theirs, atol=2e-6, rtol=1e-5)


class KeepingProcessor:
    """diffusers' attention written out, which reuses its probabilities when it is told to."""

    def __init__(self):
        self.reuse = False
        self.probabilities = None

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None):
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def heads(x):
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        if not self.reuse:
            query, key = heads(attn.to_q(hidden_states)), heads(attn.to_k(text))
            self.probabilities = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
        attended = self.probabilities @ heads(attn.to_v(text))
        return attn.to_out[0](attended.transpose(1, 2).flatten(2))


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    kwargs = json.loads(GOLDEN.read_text())["constructor_kwargs"]
    return LatteTransformer3DModel(**kwargs).eval()


@torch.no_grad()
def sample_latte(transformer, before_step=lambda step, timestep: None):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, 16, 8, 8, generator=generator)
    text = torch.randn(2, 7, 32, generator=generator)
    for step, timestep in enumerate(TIMES):
        before_step(step, timestep)
        time = torch.tensor([timestep, timestep])
        output = transformer(x, timestep=time, encoder_hidden_states=text, return_dict=False)[0]
        x = x - 0.1 * output.chunk(2, dim=1)[0]
    return x


@pytest.mark.parametrize("gaps", [(2, 1, 1), (1, 3, 1), (1, 1, 4), (2, 3, 4)])
def test_the_engine_equals_processors_that_keep_their_probabilities(transformer, gaps):
    rules = Rules(*(GapRule(True, WINDOW, gap) for gap in gaps))
    architecture = LatteArchitecture(transformer)
    plan = make_plan(rules, TIMES, architecture.depth, architecture.groups)
    bare = sample_latte(transformer)
    with Engine(architecture, plan, "scores") as engine:
        ours = sample_latte(transformer)
    engine.ledger.check(plan)
    with Engine(architecture, plan, "output"):
        outputs = sample_latte(transformer)

    processors = {}
    for gap, blocks, name in zip(
        gaps,
        ("transformer_blocks", "temporal_transformer_blocks", "transformer_blocks"),
        ("attn1", "attn1", "attn2"),
        strict=True,
    ):
        for block in transformer.get_submodule(blocks).children():
            processor = processors[block, name] = KeepingProcessor(), gap
            block.get_submodule(name).processor = processor[0]

    def before_step(step, timestep):
        for processor, gap in processors.values():
            processor.reuse = step % gap != 0 and WINDOW[0] < timestep < WINDOW[1]

    assert allclose(ours, sample_latte(transformer, before_step))
    assert not allclose(ours, bare)
    # The text's values are the same at every step: old scores give the old output.
    assert allclose(ours, outputs) == (gaps[:2] == (1, 1))


def test_mlps_keep_their_output_instead(transformer):
    rules = Rules(mlp_spatial=GapRule(True, WINDOW, 2), mlp_temporal=GapRule(True, WINDOW, 3))
    architecture = LatteArchitecture(transformer)
    plan = make_plan(rules, TIMES, architecture.depth, architecture.groups)
    results = []
    for broadcast_object in ("scores", "output"):
        with Engine(architecture, plan, broadcast_object):
            results.append(sample_latte(transformer))
    assert torch.equal(*results)


def heads_of(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


@torch.no_grad()
def test_self_attention_with_norms_and_rotary_embedding():
    torch.manual_seed(0)
    attention, rope = SelfAttention(16, 2, normalise=True), RotaryEmbedding(8)
    first, second = torch.randn(2, 3, 5, 16)
    with KeepProbabilities() as keeping:
        computed = attention(first, rope)
    assert allclose(computed, attention(first, rope))
    (probabilities,) = keeping.kept
    assert allclose(probabilities.sum(-1), torch.ones(3, 2, 5))
    values = heads_of(attention.qkv(second)[..., 32:], 2)
    expected = attention.proj((probabilities @ values).transpose(1, 2).flatten(2))
    for unneeded in ({}, query_key_layers(attention)):
        with UseProbabilities(keeping.kept, unneeded):
            reused = attention(second, rope)
        assert allclose(reused, expected)
    assert list(query_key_layers(attention)) == [id(attention.qkv.weight)]


@torch.no_grad()
def test_cross_attention_with_a_mask():
    torch.manual_seed(0)
    attention = CrossAttention(16, 2)
    x, text = torch.randn(3, 5, 16), torch.randn(2, 3, 7, 16)
    mask = (torch.arange(7) < torch.tensor([[7], [4], [2]]))[:, None, None]
    with KeepProbabilities() as keeping:
        computed = attention(x, text[0], mask)
    assert allclose(computed, attention(x, text[0], mask))
    (probabilities,) = keeping.kept
    assert not probabilities[1, ..., 4:].any()
    with UseProbabilities(keeping.kept, query_key_layers(attention)):
        reused = attention(x + 1, text[1], mask)
    values = heads_of(attention.kv_linear(text[1])[..., 16:], 2)
    expected = attention.proj((probabilities @ values).transpose(1, 2).flatten(2))
    assert allclose(reused, expected)
    assert len(query_key_layers(attention)) == 2


def test_a_bias_is_added_to_the_scores_and_the_scale_is_kept():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 5, 8)
    bias = torch.randn(5, 5)
    for arguments in ({"attn_mask": bias}, {"scale": 0.3}, {"attn_mask": bias > 0}):
        expected = F.scaled_dot_product_attention(query, key, value, **arguments)
        with KeepProbabilities():
            assert allclose(
                F.scaled_dot_product_attention(query, key, value, **arguments), expected
            )


def test_what_cannot_be_kept_is_refused():
    query = torch.randn(1, 1, 4, 8)
    with KeepProbabilities(), pytest.raises(NoAttention, match="is_causal=True"):
        F.scaled_dot_product_attention(query, query, query, is_causal=True)
    with UseProbabilities([]), pytest.raises(NoAttention, match="more often"):
        F.scaled_dot_product_attention(query, query, query)
    toy = ToyTransformer()
    plan = make_plan(Rules(spatial=GapRule(True, WINDOW, 2)), TIMES, 2, GROUPS)
    with (
        Engine(ToyArchitecture(toy), plan, "scores"),
        pytest.raises(NoAttention, match="spatial attention of block 0 does not call"),
    ):
        sample(toy, TIMES)


def test_a_query_that_may_look_at_nothing_gets_nothing():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 4, 8)
    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    mask[..., 1, :] = False
    fused = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    with KeepProbabilities() as keeping:
        ours = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert allclose(ours, fused)
    assert not ours[:, :, 1].any()
    with UseProbabilities(keeping.kept):
        assert torch.equal(F.scaled_dot_product_attention(query, key, value), ours)
