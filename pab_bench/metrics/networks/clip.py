"""CLIP (Radford et al. 2021): the networks of `transformers` with OpenAI's published weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from pab_bench.metrics.networks.loading import count
from pab_bench.metrics.networks.names import renamed

if TYPE_CHECKING:
    from torch import nn

    from pab_bench.metrics.networks.loading import State

HEAD = 64
"""Width of an attention head in every published size."""
_BLOCKS = (
    (r"^transformer\.resblocks\.", "encoder.layers."),
    (r"\.attn\.in_proj_", ".self_attn.{}_proj."),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^positional_embedding$", "embeddings.position_embedding.weight"),
)
_IMAGES = (
    *_BLOCKS,
    (r"^class_embedding$", "embeddings.class_embedding"),
    (r"^conv1\.", "embeddings.patch_embedding."),
    (r"^ln_pre\.", "pre_layrnorm."),
    (r"^ln_post\.", "post_layernorm."),
    (r"^", "vision_model."),
    (r"^vision_model\.proj$", "visual_projection.weight"),
)
_TEXTS = (
    *_BLOCKS,
    (r"^token_embedding\.", "embeddings.token_embedding."),
    (r"^ln_final\.", "final_layer_norm."),
    (r"^", "text_model."),
    (r"^text_model\.text_projection$", "text_projection.weight"),
)


class ClipImages(CLIPVisionModelWithProjection):  # type: ignore[misc]
    """From images to their features."""

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        number_positions(self.vision_model.embeddings)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, shape (images, features), of images of shape (images, 3, side, side)."""
        return super().forward(images).image_embeds


class ClipTexts(CLIPTextModelWithProjection):  # type: ignore[misc]
    """From texts to their features."""

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        number_positions(self.text_model.embeddings)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Features, shape (texts, features), of token numbers, shape (texts, length)."""
        return super().forward(tokens).text_embeds


def number_positions(embeddings: nn.Module) -> None:
    """Give the positions their numbers: no file has them, and `build` makes networks empty."""
    positions = embeddings.get_buffer("position_ids").shape[-1]
    embeddings.position_ids = torch.arange(positions, device="cpu")[None]


def image_state(state: State) -> State:
    """OpenAI's tensors (those below `visual.`) by the names of `transformers`."""
    return renamed({**state, "proj": state["proj"].T}, _IMAGES)


def text_state(state: State) -> State:
    """OpenAI's tensors of the text network by the names of `transformers`."""
    return renamed({**state, "text_projection": state["text_projection"].T}, _TEXTS)


def image_config(state: State) -> CLIPVisionConfig:
    """The sizes that the tensors of `image_state` have."""
    width, _, patch, _ = state["vision_model.embeddings.patch_embedding.weight"].shape
    positions, _ = state["vision_model.embeddings.position_embedding.weight"].shape
    return CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=count(state, "vision_model.encoder.layers."),
        num_attention_heads=max(1, width // HEAD),
        patch_size=patch,
        image_size=patch * math.isqrt(positions - 1),  # The first position is the class token's.
        projection_dim=state["visual_projection.weight"].shape[0],
    )


def text_config(state: State) -> CLIPTextConfig:
    """The sizes that the tensors of `text_state` have."""
    words, width = state["text_model.embeddings.token_embedding.weight"].shape
    return CLIPTextConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=count(state, "text_model.encoder.layers."),
        num_attention_heads=max(1, width // HEAD),
        max_position_embeddings=state["text_model.embeddings.position_embedding.weight"].shape[0],
        projection_dim=state["text_projection.weight"].shape[0],
        # The last two tokens are the start and the end of a text.
        bos_token_id=words - 2,
        eos_token_id=words - 1,
    )


def clip_images(state: State) -> ClipImages:
    """A network in the shape of the tensors of `image_state`."""
    return ClipImages(image_config(state))
