"""diffusers' own Pyramid Attention Broadcast, where it keeps steps apart: one call a step."""

import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    PyramidAttentionBroadcastConfig,
    apply_pyramid_attention_broadcast,
)
from systems.diffusers.driven import KNOWN, WINDOW, drive, whole

from pab_bench.methods.rules import GapRule, Rules


@pytest.mark.parametrize("gap", [2, 3])
@pytest.mark.parametrize("name", ["ltx", "mochi", "cogvideox", "hunyuan"])
def test_its_videos_are_ours(saved, name, gap):
    driven = drive(name, saved(name))
    pipeline = DiffusionPipeline.from_pretrained(saved(name), local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    config = PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=gap,
        cross_attention_block_skip_range=gap,
        spatial_attention_timestep_skip_range=WINDOW,
        cross_attention_timestep_skip_range=WINDOW,
        spatial_attention_block_identifiers=("transformer_blocks",),
        current_timestep_callback=lambda: 500,
    )
    apply_pyramid_attention_broadcast(pipeline.transformer, config)
    frames, decoded = whole(pipeline, KNOWN[name])
    rule = GapRule(True, WINDOW, gap)
    ours = driven.follow(Rules(spatial=rule, cross=rule))
    assert torch.equal(ours, decoded)
    assert (driven.sampler.decode(ours) == frames).all()
    assert not torch.equal(ours, driven.bare()[1])
