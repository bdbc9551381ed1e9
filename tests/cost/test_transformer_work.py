"""Per site, against PyTorch's own count per module."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import LatteTransformer3DModel
from torch.utils.flop_counter import FlopCounterMode

from pab_bench.cost.transformer_work import transformer_work
from pab_bench.cost.work import Work
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.systems.latte.architecture import LatteArchitecture

GOLDEN = Path(__file__).parents[1] / "fixtures" / "latte" / "latte_tiny_pab.json"
MODULES = {
    SPATIAL: "transformer_blocks.{}.attn1",
    TEMPORAL: "temporal_transformer_blocks.{}.attn1",
    CROSS: "transformer_blocks.{}.attn2",
    MLP_SPATIAL: "transformer_blocks.{}.ff",
    MLP_TEMPORAL: "temporal_transformer_blocks.{}.ff",
}


@pytest.fixture(scope="module")
def transformer():
    kwargs = json.loads(GOLDEN.read_text())["constructor_kwargs"]
    with torch.device("meta"):
        return LatteTransformer3DModel(**kwargs).eval()


INPUTS = {
    "hidden_states": torch.empty(2, 4, 16, 8, 8, device="meta"),
    "timestep": torch.zeros(2, dtype=torch.int64, device="meta"),
    "encoder_hidden_states": torch.empty(2, 7, 32, device="meta"),
    "return_dict": False,
}


@pytest.fixture(scope="module")
def by_module(transformer):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        transformer(**INPUTS)
    prefix = type(transformer).__name__
    counts = counter.get_flop_counts()
    return lambda name: sum(counts[f"{prefix}.{name}" if name else prefix].values())


def work_of_tiny(transformer, broadcast_object="output"):
    return transformer_work(LatteArchitecture(transformer), INPUTS, broadcast_object)


def flops(work):
    return 2 * (work.linear + work.attention)


def test_every_site_and_the_rest(transformer, by_module):
    work = work_of_tiny(transformer)
    for group, name in MODULES.items():
        for block, site in enumerate(work.sites[group]):
            assert flops(site.computed) == by_module(name.format(block)) > 0
            assert site.reused == Work()
    assert flops(work.total) == by_module("")
    assert flops(work.rest) == by_module("") - sum(flops(work.of(group)) for group in MODULES)
    assert work.rest.linear > 0


def test_sites_are_in_the_order_of_their_visits(transformer):
    order = work_of_tiny(transformer).order
    first = [SPATIAL, CROSS, MLP_SPATIAL, TEMPORAL, MLP_TEMPORAL]
    assert order[:5] == tuple((group, 0) for group in first)
    assert len(order) == len(set(order)) == 5 * len(transformer.transformer_blocks)


def test_scores_save_queries_keys_and_their_product(transformer):
    work = work_of_tiny(transformer, "scores")
    tokens, frames, heads = 16, 16, transformer.config.num_attention_heads
    width = heads * transformer.config.attention_head_dim
    site = work.sites[SPATIAL][0]
    assert site.computed.linear - site.reused.linear == 2 * (2 * frames * tokens) * width**2
    assert site.reused.attention * 2 == site.computed.attention
    assert site.kept == ((2 * frames * heads * tokens**2, "float32"),)
    temporal = work.sites[TEMPORAL][0]
    assert temporal.kept == ((2 * tokens * heads * frames**2, "float32"),)
    cross = work.sites[CROSS][0]
    assert cross.kept == ((2 * frames * heads * tokens * 7, "float32"),)
    mlp = work.sites[MLP_SPATIAL][0]
    assert mlp.reused == Work()
    assert mlp.kept == ((2 * frames * tokens * width, "float32"),)


def test_modules_are_as_before(transformer):
    before = [dict(m.__dict__).get("forward") for m in transformer.modules()]
    work_of_tiny(transformer)
    assert [dict(m.__dict__).get("forward") for m in transformer.modules()] == before
