"""A tiny CogVideoX with random weights, written as a folder that `model=cogvideox_tiny` samples.

It has learned nothing and shows nothing. It is for what does not depend on weights: whether code
that is attached to a CogVideoX does what it says.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)

from pab_bench.minis.text_encoder import TEXT_WIDTH, build_text_encoder
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.systems.diffusers.control import redraw_zeros

WORDS = 20
"""Tokens of a prompt, with padding."""
DEPTH = 4
FOLDER = Path("models/cogvideox_tiny")


def random_cogvideox(depth: int = DEPTH) -> Any:
    """Make a `CogVideoXPipeline` whose weights are seeded random numbers, none of them zero.

    It samples 9 frames of 32 x 32 pixels as 3 latent frames of 2 x 2 tokens, by the released
    model's scheduler.

    Args:
        depth: number of transformer blocks.
    """
    torch.manual_seed(0)
    tokenizer = build_tokenizer((), max_length=WORDS)
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=TEXT_WIDTH,
        num_layers=depth,
        sample_width=4,
        sample_height=4,
        sample_frames=9,
        max_text_seq_length=WORDS,
    ).eval()
    redraw_zeros(transformer, torch.Generator().manual_seed(0))
    return CogVideoXPipeline(
        tokenizer=tokenizer,
        text_encoder=build_text_encoder(len(tokenizer)).eval(),
        vae=AutoencoderKLCogVideoX(
            block_out_channels=(8, 8, 8, 8),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=4,
            sample_height=32,
            sample_width=32,
        ).eval(),
        transformer=transformer,
        scheduler=CogVideoXDDIMScheduler(
            clip_sample=False,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the folder."""
    parser = argparse.ArgumentParser(
        prog="python -m pab_bench.minis.random_cogvideox",
        description="Write a tiny CogVideoX with random weights for model=cogvideox_tiny.",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="default: %(default)s")
    folder = parser.parse_args(arguments).folder
    random_cogvideox().save_pretrained(folder)
    print(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
