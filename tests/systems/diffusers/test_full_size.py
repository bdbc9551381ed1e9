"""The released sizes, without numbers: diffusers' own defaults are those of one of each family."""

import diffusers
import pytest
import torch

from pab_bench.config.compose import read_option
from pab_bench.systems.registry import architecture_of

SIZES = {
    "wan_14b": ("WanTransformer3DModel", {"spatial": 40, "cross": 40, "mlp_spatial": 40}),
    "hunyuan_video": (
        "HunyuanVideoTransformer3DModel",
        {"spatial": 20, "spatial_single": 40, "mlp_spatial": 20, "mlp_text": 20},
    ),
    "hunyuan_video_1_5": (
        "HunyuanVideo15Transformer3DModel",
        {"spatial": 54, "mlp_spatial": 54, "mlp_text": 54},
    ),
    "ltx_video": ("LTXVideoTransformer3DModel", {"spatial": 28, "cross": 28, "mlp_spatial": 28}),
    "cosmos_1": ("CosmosTransformer3DModel", {"spatial": 28, "cross": 28, "mlp_spatial": 28}),
    "mochi": ("MochiTransformer3DModel", {"spatial": 48, "mlp_spatial": 48, "mlp_text": 47}),
}


@pytest.mark.parametrize("name", SIZES)
def test_released_transformers_have_the_configured_depth(name):
    kind, groups = SIZES[name]
    with torch.device("meta"):
        architecture = architecture_of(getattr(diffusers, kind)())
    assert architecture.depth == read_option("model", name)["depth"]
    assert {group.name: count for group, count in architecture.depths.items()} == groups
