"""Tiny transformers of each class, and calls of them."""

from typing import Any

import torch
from diffusers import LatteTransformer3DModel

from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.open_sora_plan.transformer import LatteT2V

HEADS, WIDTH, WORDS, TEXT, DEPTH = 12, 48, 5, 8, 2


def transformer(kind: str, frames: int = 5) -> torch.nn.Module:
    """One of `open_sora`, `latte`, `open_sora_plan`, with seeded weights."""
    torch.manual_seed(1)
    if kind == "open_sora":
        made = STDiT3Transformer(DEPTH, WIDTH, 6, caption_channels=TEXT, model_max_length=WORDS)
    else:
        common: dict[str, Any] = {
            "num_attention_heads": 6,
            "attention_head_dim": WIDTH // 6,
            "in_channels": 4,
            "out_channels": 8,
            "num_layers": DEPTH,
            "cross_attention_dim": WIDTH,
            "caption_channels": TEXT,
            "video_length": frames,
            "attention_bias": True,
        }
        if kind == "latte":
            own = {"norm_elementwise_affine": False, "norm_type": "ada_norm_single"}
            made = LatteTransformer3DModel(**common, **own, sample_size=8, patch_size=2)
        else:
            made = LatteT2V(**common, sample_size=(8, 8))
    for parameter in made.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.15)
    return made.eval()


def call(kind: str, size: tuple[int, int, int, int]) -> dict[str, Any]:
    """The arguments of a call whose latents are (batch, 4, frames, height, width)."""
    batch, frames, height, width = size
    torch.manual_seed(2)
    inputs: dict[str, Any] = {
        "hidden_states": torch.randn(batch, 4, frames, height, width),
        "timestep": torch.linspace(300.0, 700.0, batch),
        "encoder_hidden_states": torch.randn(batch, WORDS, TEXT),
        "return_dict": False,
    }
    mask = torch.ones(batch, WORDS)
    mask[0, 3:] = 0
    if kind == "open_sora_plan":
        inputs["encoder_attention_mask"] = mask
        inputs["attention_mask"] = torch.ones(batch, frames, height, width)
        inputs["attention_mask"][:, :, :2, :2] = 0
    elif kind == "open_sora":
        inputs["encoder_attention_mask"] = mask
    return inputs
