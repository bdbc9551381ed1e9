"""Pipelines of the real classes, tiny and with random weights, to be saved and loaded."""

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)
from systems.open_sora.small_vae import small_vae

from pab_bench.minis.text_encoder import TEXT_WIDTH, build_text_encoder
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.transformer import STDiT3Transformer

WORDS = 20
DEPTH = 2


def text_parts(more=()):
    tokenizer = build_tokenizer(more, max_length=WORDS)
    return {
        "tokenizer": tokenizer,
        "text_encoder": build_text_encoder(len(tokenizer)).eval(),
    }


def tiny_open_sora():
    """17 frames of 32 x 32 pixels: 5 latent frames of 2 x 2 tokens."""
    torch.manual_seed(1)
    vae = small_vae()
    return OpenSoraPipeline(
        **text_parts(["aesthetic", "score:", "6.5."]),
        vae=vae,
        transformer=STDiT3Transformer(
            depth=DEPTH,
            hidden_size=48,
            num_heads=2,
            in_channels=vae.config.temporal["latent_embed_dim"],
            caption_channels=TEXT_WIDTH,
            model_max_length=WORDS,
        ).eval(),
        scheduler=RectifiedFlowScheduler(),
    )


def tiny_cogvideox(**transformer):
    """9 frames of 32 x 32 pixels: 3 latent frames of 2 x 2 tokens; CogVideoX-2b's options."""
    torch.manual_seed(2)
    arguments = {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "in_channels": 4,
        "out_channels": 4,
        "time_embed_dim": 8,
        "text_embed_dim": TEXT_WIDTH,
        "num_layers": DEPTH,
        "sample_width": 4,
        "sample_height": 4,
        "sample_frames": 9,
        "max_text_seq_length": WORDS,
    }
    return CogVideoXPipeline(
        **text_parts(),
        vae=AutoencoderKLCogVideoX(
            block_out_channels=(8, 8, 8, 8),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=4,
            sample_height=32,
            sample_width=32,
        ).eval(),
        transformer=CogVideoXTransformer3DModel(**arguments | transformer).eval(),
        # The released scheduler's configuration.
        scheduler=CogVideoXDDIMScheduler(
            clip_sample=False,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        ),
    )
