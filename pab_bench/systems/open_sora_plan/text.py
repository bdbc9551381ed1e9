"""Prompts to text features, as Open-Sora-Plan has them.

Source: Open-Sora-Plan v1.1.0, `opensora/sample/pipeline_videogen.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch

from pab_bench.systems.text_cleaning import clean_prompt

_log = logging.getLogger(__name__)


def prepare_prompt(prompt: str, clean: bool) -> str:
    """What the tokenizer gets: the cleaned prompt, or the prompt in lower case."""
    return clean_prompt(prompt) if clean else prompt.lower().strip()


@torch.no_grad()
def encode(
    prompts: Sequence[str], tokenizer: Any, text_encoder: Any, length: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """T5's features of prompts padded or cut to `length` tokens.

    Args:
        prompts: B prepared prompts.
        tokenizer: of the text encoder.
        text_encoder: a T5 encoder.
        length: number of tokens.
        device: where to compute.

    Returns:
        Features (B, length, width) and the mask (B, length), 1 = a token of the prompt.
    """
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=length,
        truncation=True,
        add_special_tokens=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    for prompt, ids in zip(prompts, tokenizer(list(prompts)).input_ids, strict=True):
        if len(ids) > length:
            _log.warning("cut to %d of %d tokens: %r", length, len(ids), prompt)
    mask = tokens.attention_mask.to(device)
    features = text_encoder(tokens.input_ids.to(device), attention_mask=mask)[0]
    return features, mask


def mask_features(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Features without padding, which the transformer would attend to.

    Args:
        features: (B, tokens, width).
        mask: (B, tokens), 1 = a token of the prompt.

    Returns:
        One prompt is cut to its tokens. Of several, padding is zeroed but still attended to, so
        that a prompt gives another video alone than beside others.
    """
    if len(features) == 1:
        return features[:, : int(mask.sum())]
    return features * mask[..., None].to(features)
