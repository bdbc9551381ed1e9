"""The embedded Open-Sora-Plan: its modules before training, and the pipeline they make."""

from __future__ import annotations

import torch
from diffusers import PNDMScheduler
from transformers import T5EncoderModel

from pab_bench.minis.render import SIDE
from pab_bench.minis.text_encoder import TEXT_WIDTH
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.velocity_training import VelocityTraining
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.transformer import LatteT2V
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

FRAMES = 17
"""Five latent frames: the first frame alone, then four at a time."""
WORDS = 16
LATENT_CHANNELS = 16


def build_vae() -> CausalVAEModel:
    """The causal autoencoder, narrow: (3, 17, 64, 64) to (16, 5, 8, 8).

    Convolutions over time are in the middle and where frames are halved or doubled.
    """
    resnets = ("ResnetBlock2D",) * 4
    return CausalVAEModel(
        hidden_size=16,
        hidden_size_mult=(1, 2, 4, 8),
        num_res_blocks=1,
        z_channels=LATENT_CHANNELS,
        embed_dim=LATENT_CHANNELS,
        encoder_resnet_blocks=resnets,
        decoder_resnet_blocks=resnets,
        norm_num_groups=8,
        scaling_factor=1.0,
    )


def build_transformer() -> LatteT2V:
    """LatteT2V at 5 latent frames of 4 x 4 tokens: seven block pairs, width 128.

    The released model has 28 pairs of width 1152; everything else is as there.
    """
    model = LatteT2V(
        num_attention_heads=4,
        attention_head_dim=32,
        in_channels=LATENT_CHANNELS,
        out_channels=2 * LATENT_CHANNELS,
        num_layers=7,
        cross_attention_dim=128,
        sample_size=(SIDE // 8, SIDE // 8),
        caption_channels=TEXT_WIDTH,
        video_length=5,
        model_max_length=WORDS,
    )
    # Start from blocks that hardly change their input and a prediction of zero.
    for layer in (model.proj_out, model.adaln_single.linear):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return model


def build_scheduler() -> PNDMScheduler:
    """PNDM with upstream's settings; unlike the released model, the mini predicts the velocity."""
    return PNDMScheduler(prediction_type="v_prediction")


def build_training(attention_in_float32: bool = False) -> VelocityTraining:
    """Text encoder and transformer as one module."""
    return VelocityTraining(
        build_transformer(), build_scheduler().alphas_cumprod, attention_in_float32
    )


def build_pipeline(
    vae: CausalVAEModel, transformer: LatteT2V, text_encoder: T5EncoderModel
) -> OpenSoraPlanPipeline:
    """The pipeline around trained (or untrained) parts; `vae` has standardised latents."""
    return OpenSoraPlanPipeline(
        tokenizer=build_tokenizer(max_length=WORDS),
        text_encoder=text_encoder,
        vae=vae.eval(),
        transformer=transformer,
        scheduler=build_scheduler(),
    )


@torch.no_grad()
def reconstruct(pipeline: OpenSoraPlanPipeline, video: torch.Tensor) -> torch.Tensor:
    """A video (frames, height, width, 3) in [0, 1] through the autoencoder."""
    pixels = video.permute(3, 0, 1, 2)[None] * 2 - 1
    latents = pipeline.vae.encode(pixels).latent_dist.mode()
    decoded = pipeline.vae.decode(latents).sample[0].permute(1, 2, 3, 0)
    return (decoded / 2 + 0.5).clamp(0, 1)
