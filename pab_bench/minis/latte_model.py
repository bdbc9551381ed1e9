"""The embedded Latte: its modules before training, and the pipeline they make."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel
from diffusers.models.attention_processor import Attention
from torch import nn
from transformers import T5EncoderModel, T5Tokenizer

from pab_bench.minis.attention_float32 import Float32AttentionProcessor
from pab_bench.minis.render import FRAMES, SIDE
from pab_bench.minis.text_encoder import TEXT_WIDTH, build_text_encoder
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.train_transformer import Noised


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


class LatteTraining(nn.Module):
    """Text encoder and transformer as one module, trained to predict the velocity.

    Args:
        attention_in_float32: as the backward pass of attention in bfloat16 is slow on CPUs.
    """

    def __init__(self, attention_in_float32: bool = False) -> None:
        super().__init__()
        tokenizer = build_tokenizer()
        self.text_encoder = build_text_encoder(len(tokenizer))
        self.transformer = build_transformer()
        if attention_in_float32:
            for module in self.transformer.modules():
                if isinstance(module, Attention):
                    module.set_processor(Float32AttentionProcessor())
        self._alphas = build_scheduler().alphas_cumprod
        self._end, self._pad = tokenizer.eos_token_id, tokenizer.pad_token_id

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> Noised:
        """DDPM's noise at a whole timestep, and v-prediction's target."""
        count = len(self._alphas)
        timesteps = (levels * count).long().clamp(max=count - 1)
        signal = self._alphas[timesteps].sqrt().view(-1, 1, 1, 1, 1)
        sigma = (1 - self._alphas[timesteps]).sqrt().view(-1, 1, 1, 1, 1)
        return Noised(signal * clean + sigma * noise, timesteps, signal * noise - sigma * clean)

    def forward(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        dropped: torch.Tensor,
    ) -> torch.Tensor:
        """Predicted velocity, of `noisy`'s shape; a dropped caption is the empty prompt."""
        empty = torch.full_like(tokens, self._pad)
        empty[:, 0] = self._end
        tokens = torch.where(dropped[:, None], empty, tokens)
        mask = torch.where(dropped[:, None], (empty == self._end).to(mask.dtype), mask)
        text = self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        prediction = self.transformer(noisy, timesteps, text, return_dict=False)[0]
        return prediction.chunk(2, dim=1)[0]


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
