"""ViCLIP (Wang et al. 2023), by the names of its published weights: videos and texts compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from pab_bench.metrics.networks.clip import HEAD, Transformer
from pab_bench.metrics.networks.loading import count, part

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State


class _Videos(nn.Module):
    def __init__(
        self, width: int, depth: int, patch: int, positions: int, frames: int, features: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, (1, patch, patch), (1, patch, patch), bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(positions, width))
        self.temporal_positional_embedding = nn.Parameter(torch.empty(1, frames, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, depth, width // HEAD)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, features))

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """Features, shape (features,), of frames of shape (frames, 3, side, side)."""
        patches = self.conv1(video.transpose(0, 1)[None])[0]  # (width, frames, rows, columns)
        tokens = patches.flatten(2).permute(2, 1, 0) + self.positional_embedding[1:, None]
        tokens = (tokens + self.temporal_positional_embedding).flatten(0, 1)
        first = self.class_embedding + self.positional_embedding[0]
        tokens = self.ln_pre(torch.cat([first[None], tokens]))[None]
        return self.ln_post(self.transformer(tokens)[0, 0]) @ self.proj


class _Texts(nn.Module):
    def __init__(self, width: int, depth: int, length: int, words: int, features: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(words, width)
        self.positional_embedding = nn.Parameter(torch.empty(length, width))
        self.transformer = Transformer(width, depth, width // HEAD)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, features))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Features, shape (features,), of token numbers, shape (length,)."""
        embedded = self.token_embedding(tokens) + self.positional_embedding
        seen = self.ln_final(self.transformer(embedded[None], causal=True)[0])
        # The end of the text has the largest number of all tokens.
        return seen[tokens.argmax()] @ self.text_projection


class ViClip(nn.Module):
    """A network for videos and one for texts, whose features can be compared."""

    def __init__(self, vision_encoder: nn.Module, text_encoder: nn.Module) -> None:
        super().__init__()
        self.vision_encoder = vision_encoder
        self.text_encoder = text_encoder
        self.temp = nn.Parameter(torch.empty([]))

    @property
    def text_length(self) -> int:
        """Number of tokens that the text network takes."""
        embedding: torch.Tensor = self.text_encoder.get_parameter("positional_embedding")
        return len(embedding)

    def forward(self, video: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Cosine between a video's features and a text's.

        Args:
            video: as many frames as there are temporal embeddings, (frames, 3, side, side).
            tokens: numbers of the text's tokens, shape (text_length,).
        """
        ours, theirs = self.vision_encoder(video), self.text_encoder(tokens)
        return (ours / ours.norm()) @ (theirs / theirs.norm())


def viclip(state: State) -> ViClip:
    """A network in the shape of published weights."""
    videos, texts = part(state, "vision_encoder."), part(state, "text_encoder.")
    width, _, _, patch, _ = videos["conv1.weight"].shape
    words, text_width = texts["token_embedding.weight"].shape
    return ViClip(
        _Videos(
            width,
            count(videos, "transformer.resblocks."),
            patch,
            videos["positional_embedding"].shape[0],
            videos["temporal_positional_embedding"].shape[1],
            videos["proj"].shape[1],
        ),
        _Texts(
            text_width,
            count(texts, "transformer.resblocks."),
            texts["positional_embedding"].shape[0],
            words,
            texts["text_projection"].shape[1],
        ),
    )
