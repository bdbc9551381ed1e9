"""DDPM's noise and v-prediction: what training Latte's and Open-Sora-Plan's minis has in common."""

from __future__ import annotations

import torch
from diffusers.models.attention_processor import Attention
from torch import nn

from pab_bench.minis.attention_float32 import Float32AttentionProcessor
from pab_bench.minis.text_encoder import build_text_encoder, drop_captions
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.train_transformer import Noised


class VelocityTraining(nn.Module):
    """Text encoder and transformer as one module, trained to predict the velocity.

    Args:
        transformer: called with latents, timesteps and text.
        alphas: (timesteps,) share of the signal's variance at every timestep.
        attention_in_float32: as the backward pass of attention in bfloat16 is slow on CPUs.
    """

    def __init__(
        self, transformer: nn.Module, alphas: torch.Tensor, attention_in_float32: bool = False
    ) -> None:
        super().__init__()
        tokenizer = build_tokenizer()
        self.text_encoder = build_text_encoder(len(tokenizer))
        self.transformer = transformer
        if attention_in_float32:
            for module in transformer.modules():
                if isinstance(module, Attention):
                    module.set_processor(Float32AttentionProcessor())
        self._alphas = alphas
        self._end, self._pad = tokenizer.eos_token_id, tokenizer.pad_token_id

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> Noised:
        """DDPM's noise at a whole timestep, and v-prediction's target."""
        count = len(self._alphas)
        timesteps = (levels * count).long().clamp(max=count - 1)
        alphas = self._alphas.to(timesteps.device)[timesteps].view(-1, 1, 1, 1, 1)
        signal, sigma = alphas.sqrt(), (1 - alphas).sqrt()
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
        tokens, mask = drop_captions(tokens, mask, dropped, self._end, self._pad)
        text = self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        prediction = self.transformer(noisy, timesteps, text, return_dict=False)[0]
        return prediction.chunk(2, dim=1)[0]
