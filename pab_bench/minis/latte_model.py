"""The embedded Latte: its modules before training, and the pipeline they make."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel
from transformers import T5EncoderModel, T5Tokenizer

from pab_bench.minis.render import FRAMES, SIDE
from pab_bench.minis.text_encoder import TEXT_WIDTH
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.velocity_training import VelocityTraining


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


def build_training(attention_in_float32: bool = False) -> VelocityTraining:
    """Text encoder and transformer as one module."""
    return VelocityTraining(
        build_transformer(), build_scheduler().alphas_cumprod, attention_in_float32
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


@torch.no_grad()
def reconstruct(pipeline: LattePipeline, video: torch.Tensor) -> torch.Tensor:
    """A video (frames, height, width, 3) in [0, 1] through the autoencoder."""
    latents = pipeline.vae.encode(video.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mode()
    decoded = pipeline.vae.decode(latents).sample.permute(0, 2, 3, 1)
    return (decoded / 2 + 0.5).clamp(0, 1)
