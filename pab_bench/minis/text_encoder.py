"""The text encoder of the minis: T5 over the closed vocabulary, two layers."""

from __future__ import annotations

from typing import Any

import torch
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

TEXT_WIDTH = 64

_SIZE: dict[str, Any] = {
    "d_model": TEXT_WIDTH,
    "d_kv": 16,
    "d_ff": 128,
    "num_layers": 2,
    "num_heads": 4,
    "dropout_rate": 0.0,
    "feed_forward_proj": "gated-gelu",
}


def build_text_encoder(vocabulary_size: int) -> T5EncoderModel:
    """The untrained encoder, `TEXT_WIDTH` wide."""
    return T5EncoderModel(T5Config(vocab_size=vocabulary_size, **_SIZE))


def build_umt5_encoder(vocabulary_size: int) -> UMT5EncoderModel:
    """The same of Wan's kind, whose layers have position biases of their own."""
    return UMT5EncoderModel(UMT5Config(vocab_size=vocabulary_size, **_SIZE))


def drop_captions(
    tokens: torch.Tensor, mask: torch.Tensor, dropped: torch.Tensor, end: int, pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put the empty prompt in the place of captions that are dropped.

    Args:
        tokens: (batch, words) int64.
        mask: (batch, words), 1 = a word.
        dropped: (batch,) bool.
        end: the token at the end of a prompt.
        pad: the token after it.

    Returns:
        Tokens and mask of the same shapes.
    """
    empty = torch.full_like(tokens, pad)
    empty[:, 0] = end
    tokens = torch.where(dropped[:, None], empty, tokens)
    return tokens, torch.where(dropped[:, None], (empty == end).to(mask.dtype), mask)
