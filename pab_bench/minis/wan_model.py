"""The embedded Wan: its modules before training, and the pipeline they make."""

from __future__ import annotations

import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from torch import nn
from torch.nn import functional as F
from transformers import T5Tokenizer, UMT5EncoderModel

from pab_bench.minis.crossing.captions import vocabulary
from pab_bench.minis.crossing.render import FRAMES as FRAMES
from pab_bench.minis.text_encoder import TEXT_WIDTH, build_umt5_encoder, drop_captions
from pab_bench.minis.tokenizer import tokenizer_of
from pab_bench.minis.train_transformer import Noised

WORDS = 32
"""Tokens that the transformer attends to; those after the prompt's end are zeros."""
LATENT_CHANNELS = 24
SHIFT = 3.0
"""Of the noise levels: Wan's own at 480p."""


def build_vae() -> AutoencoderKLWan:
    """Wan's causal autoencoder, narrow: (3, 17, 64, 64) to (24, 5, 8, 8).

    Patches of 2 x 2 pixels go in and come out, as in Wan 2.2's; its blocks are those of Wan 2.1.
    """
    return AutoencoderKLWan(
        base_dim=24,
        decoder_base_dim=32,
        z_dim=LATENT_CHANNELS,
        dim_mult=[1, 2, 3],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        patch_size=2,
        in_channels=12,
        out_channels=12,
        latents_mean=[0.0] * LATENT_CHANNELS,
        latents_std=[1.0] * LATENT_CHANNELS,
        scale_factor_temporal=4,
        scale_factor_spatial=8,
    )


def build_transformer() -> WanTransformer3DModel:
    """Wan's transformer at 5 latent frames of 8 x 8 tokens: nine blocks, width 192.

    Wan 2.1 1.3B has 30 blocks of width 1536 and patches of 2 x 2 latents; all else is as there.
    """
    model = WanTransformer3DModel(
        patch_size=(1, 1, 1),
        num_attention_heads=6,
        attention_head_dim=32,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        text_dim=TEXT_WIDTH,
        freq_dim=256,
        ffn_dim=768,
        num_layers=9,
        rope_max_seq_len=64,
    )
    torch.nn.init.zeros_(model.proj_out.weight)  # Start from a prediction of zero.
    torch.nn.init.zeros_(model.proj_out.bias)
    return model


def build_tokenizer() -> T5Tokenizer:
    """One piece per word of the captions."""
    return tokenizer_of(vocabulary(), WORDS)


def build_scheduler() -> UniPCMultistepScheduler:
    """Wan's sampler at its shift for 480p."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT
    )


class WanTraining(nn.Module):
    """Text encoder and transformer as one module, trained by flow matching with Wan's shift."""

    def __init__(self) -> None:
        super().__init__()
        tokenizer = build_tokenizer()
        self.text_encoder = build_umt5_encoder(len(tokenizer))
        self.transformer = build_transformer()
        self._end, self._pad = tokenizer.eos_token_id, tokenizer.pad_token_id

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> Noised:
        """A point on the straight path at the shifted noise level, and its velocity."""
        shifted = SHIFT * levels / (1 + (SHIFT - 1) * levels)
        sigma = shifted.view(-1, 1, 1, 1, 1)
        return Noised((1 - sigma) * clean + sigma * noise, 1000 * shifted, noise - clean)

    def forward(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        dropped: torch.Tensor,
    ) -> torch.Tensor:
        """Predicted velocity, of `noisy`'s shape; a dropped caption is the empty prompt."""
        tokens, mask = drop_captions(tokens, mask, dropped, self._end, self._pad)
        text = self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        text = F.pad(text * mask[..., None], (0, 0, 0, WORDS - text.shape[1]))
        prediction: torch.Tensor = self.transformer(noisy, timesteps, text, return_dict=False)[0]
        return prediction


def build_pipeline(
    vae: AutoencoderKLWan, transformer: WanTransformer3DModel, text_encoder: UMT5EncoderModel
) -> WanPipeline:
    """The diffusers pipeline around trained (or untrained) parts."""
    return WanPipeline(
        tokenizer=build_tokenizer(),
        text_encoder=text_encoder,
        vae=vae.eval(),
        transformer=transformer,
        scheduler=build_scheduler(),
    )


@torch.no_grad()
def reconstruct(pipeline: WanPipeline, video: torch.Tensor) -> torch.Tensor:
    """A video (frames, height, width, 3) in [0, 1] through the autoencoder."""
    latents = pipeline.vae.encode(video.permute(3, 0, 1, 2)[None] * 2 - 1).latent_dist.mode()
    decoded = pipeline.vae.decode(latents).sample[0].permute(1, 2, 3, 0)
    return (decoded / 2 + 0.5).clamp(0, 1)
