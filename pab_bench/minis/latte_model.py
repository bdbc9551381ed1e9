"""The embedded Latte: its modules before training, and the pipeline they make."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from pab_bench.minis.render import FRAMES, SIDE
from pab_bench.minis.tokenizer import build_tokenizer

TEXT_WIDTH = 64


def build_transformer() -> LatteTransformer3DModel:
    """Latte's transformer at 4 x 4 tokens a frame: six block pairs, width 192.

    The released Latte-1 has 28 pairs of width 1152 at 32 x 32 tokens; everything else is as there.
    """
    model = LatteTransformer3DModel(
        num_attention_heads=6,
        attention_head_dim=32,
        in_channels=8,
        out_channels=16,  # Prediction and variance, of which the pipeline uses the first half.
        num_layers=6,
        cross_attention_dim=192,
        attention_bias=True,
        sample_size=SIDE // 8,
        patch_size=2,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        norm_eps=1e-6,
        caption_channels=TEXT_WIDTH,
        video_length=FRAMES,
    )
    # Start from blocks that hardly change their input and a prediction of zero.
    torch.nn.init.zeros_(model.proj_out.weight)
    torch.nn.init.zeros_(model.proj_out.bias)
    torch.nn.init.zeros_(model.adaln_single.linear.weight)
    torch.nn.init.zeros_(model.adaln_single.linear.bias)
    return model


def build_text_encoder() -> T5EncoderModel:
    """A two-layer T5 encoder over the closed vocabulary."""
    return T5EncoderModel(
        T5Config(
            vocab_size=len(build_tokenizer()),
            d_model=TEXT_WIDTH,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
        )
    )


def build_scheduler() -> DDIMScheduler:
    """Latte's DDIM schedule; unlike Latte-1, the minis predict the velocity."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule="linear",
        clip_sample=False,
        prediction_type="v_prediction",
    )


def build_pipeline(
    vae: AutoencoderKL,
    transformer: LatteTransformer3DModel,
    text_encoder: T5EncoderModel,
    tokenizer: T5Tokenizer | None = None,
) -> LattePipeline:
    """The diffusers pipeline around trained (or untrained) parts."""
    return LattePipeline(
        tokenizer=tokenizer or build_tokenizer(),
        text_encoder=text_encoder,
        vae=vae,
        transformer=transformer,
        scheduler=build_scheduler(),
    )


def export(pipeline: LattePipeline, folder: Path) -> None:
    """Write the pipeline to `folder` in diffusers' layout, weights in float16."""
    pipeline.to(torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
