"""The embedded Open-Sora: its modules before training, and the pipeline they make."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import T5EncoderModel

from pab_bench.minis.captions import Caption
from pab_bench.minis.render import SIDE
from pab_bench.minis.text_encoder import TEXT_WIDTH, build_text_encoder
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.train_transformer import Noised
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.prompts import prepare_prompt
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.temporal_vae import TemporalVAE
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.open_sora.vae import OpenSoraVAE

FRAMES = 17
"""The shortest video for which Open-Sora's timestep transform is defined."""
WORDS = 16
LATENT_CHANNELS = 16
TEMPORAL_VAE: dict[str, Any] = {
    "in_out_channels": 8,
    "latent_embed_dim": LATENT_CHANNELS,
    "embed_dim": LATENT_CHANNELS,
    "filters": 16,
    "num_res_blocks": 1,
    "channel_multipliers": [2, 2, 2, 3],
    "temporal_downsample": [False, True, True],
    "num_groups": 8,
}
TRANSFORM_SCALE = 17.327
"""Makes the timesteps those of 51 frames at 480p, to the integer.

Without it, 17 frames of 64 x 64 pixels would be sampled at nearly clean timesteps, and PAB's window
for Open-Sora, 450 to 930, would hold seven of 30 steps instead of fifteen.
"""
SUFFIX_WORDS = ("aesthetic", "score:", "6.5.")
"""What Open-Sora appends to every prompt."""


def prompt_of(caption: Caption) -> str:
    """The text that the text encoder sees for a caption."""
    return prepare_prompt(caption.text)


def build_transformer() -> STDiT3Transformer:
    """STDiT3 at 5 latent frames of 4 x 4 tokens: six block pairs, width 160.

    The released model has 28 pairs of width 1152; everything else is as there.
    """
    model = STDiT3Transformer(
        depth=6,
        hidden_size=160,
        num_heads=5,
        in_channels=LATENT_CHANNELS,
        caption_channels=TEXT_WIDTH,
        model_max_length=WORDS,
    )
    # Start from blocks that hardly change their input and a prediction of zero.
    for layer in (model.t_block[1], model.final_layer.linear):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return model


def build_scheduler() -> RectifiedFlowScheduler:
    """The released sampler with `TRANSFORM_SCALE`."""
    return RectifiedFlowScheduler(transform_scale=TRANSFORM_SCALE)


class OpenSoraTraining(nn.Module):
    """Text encoder and transformer as one module, trained with the rectified-flow objective."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = build_text_encoder(len(build_tokenizer(SUFFIX_WORDS)))
        self.transformer = build_transformer()
        self._scheduler = build_scheduler()
        self._shift = self._scheduler.shift(SIDE, SIDE, FRAMES)

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> Noised:
        """A point on the straight path at a timestep of the transformed list, and its velocity."""
        timesteps = self._scheduler.transform(levels * 1000, self._shift)
        return Noised(self._scheduler.add_noise(clean, noise, timesteps), timesteps, clean - noise)

    def forward(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        dropped: torch.Tensor,
    ) -> torch.Tensor:
        """Predicted velocity, of `noisy`'s shape; a dropped caption is the null embedding."""
        text = self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        null = self.transformer.y_embedder.y_embedding[: text.shape[1]].to(text.dtype)
        text = torch.where(dropped[:, None, None], null, text)
        # On CPUs the backward pass of the fused bfloat16 kernel is far slower than plain matmuls.
        with sdpa_kernel(SDPBackend.MATH):
            output = self.transformer(
                noisy, timesteps, text, height=SIDE, width=SIDE, return_dict=False
            )[0]
        return output.chunk(2, dim=1)[0]


def build_pipeline(
    spatial: AutoencoderKL,
    temporal: TemporalVAE,
    mean: torch.Tensor,
    std: torch.Tensor,
    transformer: STDiT3Transformer,
    text_encoder: T5EncoderModel,
) -> OpenSoraPipeline:
    """The pipeline around trained (or untrained) parts.

    Args:
        spatial: image autoencoder with standardised latents.
        temporal: temporal autoencoder.
        mean: (channels,) of the temporal latents.
        std: (channels,), likewise.
        transformer: the transformer.
        text_encoder: the text encoder.
    """
    vae = OpenSoraVAE(
        spatial=dict(spatial.config),
        temporal=TEMPORAL_VAE,
        latent_scale=std.tolist(),
        latent_shift=mean.tolist(),
        spatial_latent_factor=1.0,
    )
    vae.spatial_vae.module.load_state_dict(spatial.state_dict())
    vae.temporal_vae.load_state_dict(temporal.state_dict())
    return OpenSoraPipeline(
        tokenizer=build_tokenizer(SUFFIX_WORDS, max_length=WORDS),
        text_encoder=text_encoder,
        vae=vae.eval(),
        transformer=transformer,
        scheduler=build_scheduler(),
    )


@torch.no_grad()
def reconstruct(pipeline: OpenSoraPipeline, video: torch.Tensor) -> torch.Tensor:
    """A video (frames, height, width, 3) in [0, 1] through both autoencoders."""
    latents = pipeline.vae.encode(video.permute(3, 0, 1, 2)[None] * 2 - 1)
    decoded = pipeline.decode_latents(latents, len(video))[0].permute(1, 2, 3, 0)
    return (decoded / 2 + 0.5).clamp(0, 1)
