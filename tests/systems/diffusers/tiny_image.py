"""Tiny pipelines that begin a video with a picture."""

from __future__ import annotations

import torch
from diffusers import (
    CogVideoXImageToVideoPipeline,
    LTXImageToVideoPipeline,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from systems.diffusers.tiny import DEPTH, ltx, wan
from systems.diffusers.tiny_parts import WIDTH, finished
from systems.tiny_pipelines import tiny_cogvideox
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

PIXELS = 16


def wan_image():
    """As Wan; beside its latents are the picture's and a mask, beside its text what CLIP sees."""
    torch.manual_seed(0)
    parts = wan().components
    vision = CLIPVisionConfig(
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=PIXELS,
        patch_size=8,
    )
    kept = ("tokenizer", "text_encoder", "vae", "scheduler")
    return finished(
        WanImageToVideoPipeline(
            **{name: parts[name] for name in kept},
            image_processor=CLIPImageProcessor(
                size={"shortest_edge": PIXELS}, crop_size={"height": PIXELS, "width": PIXELS}
            ),
            image_encoder=CLIPVisionModel(vision),
            transformer=WanTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=12,
                in_channels=12,
                out_channels=4,
                text_dim=WIDTH,
                freq_dim=16,
                ffn_dim=32,
                num_layers=DEPTH,
                rope_max_seq_len=32,
                image_dim=24,
                added_kv_proj_dim=24,
            ),
        )
    )


def ltx_image():
    """As LTX, whose first latent frame is the picture's."""
    return finished(LTXImageToVideoPipeline(**ltx().components))


def cogvideox_image():
    """As CogVideoX, with the picture's latents beside its own."""
    parts = tiny_cogvideox(in_channels=8, max_text_seq_length=226).components
    return finished(CogVideoXImageToVideoPipeline(**parts))
