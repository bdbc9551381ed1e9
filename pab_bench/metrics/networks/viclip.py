"""ViCLIP (Wang et al. 2023), which compares videos and texts: CLIP with tokens of many frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from transformers.models.clip.modeling_clip import CLIPVisionEmbeddings

from pab_bench.metrics.networks.clip import (
    ClipImages,
    ClipTexts,
    image_config,
    image_state,
    number_positions,
    text_config,
    text_state,
)
from pab_bench.metrics.networks.loading import part

if TYPE_CHECKING:
    from transformers import CLIPVisionConfig

    from pab_bench.metrics.networks.loading import State

VIDEOS, TEXTS = "vision_encoder.", "text_encoder."
_FRAMES = "embeddings.temporal_positional_embedding"


class _VideoEmbeddings(CLIPVisionEmbeddings):  # type: ignore[misc]
    """Embeddings of all frames of one video, which share a class token."""

    def __init__(self, config: CLIPVisionConfig, frames: int) -> None:
        super().__init__(config)
        self.temporal_positional_embedding = nn.Parameter(
            torch.empty(1, frames, config.hidden_size)
        )

    def forward(self, video: torch.Tensor, interpolate_pos_encoding: bool = False) -> torch.Tensor:
        images = super().forward(video, interpolate_pos_encoding)
        tokens = images[:, 1:].transpose(0, 1) + self.temporal_positional_embedding
        return torch.cat([images[0, :1], tokens.flatten(0, 1)])[None]


class _Videos(ClipImages):
    """From one video, shape (frames, 3, side, side), to its features, shape (1, features)."""

    def __init__(self, config: CLIPVisionConfig, frames: int) -> None:
        super().__init__(config)
        self.vision_model.embeddings = _VideoEmbeddings(config, frames)
        number_positions(self.vision_model.embeddings)


class ViClip(nn.Module):
    """A network for videos and one for texts, whose features can be compared."""

    def __init__(self, vision_encoder: nn.Module, text_encoder: ClipTexts) -> None:
        super().__init__()
        self.vision_encoder = vision_encoder
        self.text_encoder = text_encoder
        self.temp = nn.Parameter(torch.empty([]))

    @property
    def text_length(self) -> int:
        """Number of tokens that the text network takes."""
        return int(self.text_encoder.config.max_position_embeddings)

    def forward(self, video: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Cosine between a video's features and a text's.

        Args:
            video: as many frames as there are temporal embeddings, (frames, 3, side, side).
            tokens: numbers of the text's tokens, shape (text_length,).
        """
        ours, theirs = self.vision_encoder(video)[0], self.text_encoder(tokens[None])[0]
        return (ours / ours.norm()) @ (theirs / theirs.norm())


def transformers_state(state: State) -> State:
    """The published tensors by the names of `transformers`."""
    videos, texts = dict(part(state, VIDEOS)), text_state(part(state, TEXTS))
    videos[_FRAMES] = videos.pop("temporal_positional_embedding")
    # The published convolution has a third side, of one frame.
    videos["conv1.weight"] = videos["conv1.weight"].squeeze(2)
    other = {name: v for name, v in state.items() if not name.startswith((VIDEOS, TEXTS))}
    return {
        **other,
        **{VIDEOS + name: tensor for name, tensor in image_state(videos).items()},
        **{TEXTS + name: tensor for name, tensor in texts.items()},
    }


def viclip(state: State) -> ViClip:
    """A network in the shape of the tensors of `transformers_state`."""
    videos, texts = part(state, VIDEOS), part(state, TEXTS)
    frames = videos[f"vision_model.{_FRAMES}"].shape[1]
    return ViClip(_Videos(image_config(videos), frames), ClipTexts(text_config(texts)))
