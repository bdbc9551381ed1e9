"""CLIP's image network (Radford et al. 2021), by the names of OpenAI's published weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from pab_bench.metrics.networks.loading import count

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State

HEAD = 64
"""Width of an attention head in every published size."""


class Transformer(nn.Module):
    """Blocks of attention and MLP on tokens of shape (batch, tokens, width).

    Args:
        width: of a token.
        depth: number of blocks.
        heads: number of attention heads.
    """

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))

    def forward(self, tokens: torch.Tensor, causal: bool = False) -> torch.Tensor:
        """The tokens after all blocks; `causal`: none sees a later one."""
        for block in self.resblocks:
            tokens = block(tokens, causal)
        return tokens


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = _Attention(width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, tokens: torch.Tensor, causal: bool) -> torch.Tensor:
        tokens = tokens + self.attn(self.ln_1(tokens), self.heads, causal)
        hidden = self.mlp["c_fc"](self.ln_2(tokens))
        # The "quick" approximation of GELU with which CLIP was trained.
        return tokens + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))


class _Attention(nn.Module):
    """The parameters have the names of `nn.MultiheadAttention`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:
        parts = functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        query, key, value = parts.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        result: torch.Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return result


class ClipImages(nn.Module):
    """From images to their features.

    Args:
        width: of a token.
        depth: number of blocks.
        patch: side of a patch, pixels.
        positions: number of position embeddings, the class token's included.
        features: number of features.
        heads: number of attention heads.
    """

    def __init__(
        self, width: int, depth: int, patch: int, positions: int, features: int, heads: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(positions, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, depth, heads)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, features))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, shape (images, features), of images of shape (images, 3, side, side)."""
        tokens = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(tokens), 1, -1)
        tokens = torch.cat([first, tokens], dim=1) + self.positional_embedding
        tokens = self.transformer(self.ln_pre(tokens))
        return self.ln_post(tokens[:, 0]) @ self.proj


def clip_images(state: State, heads: int | None = None) -> ClipImages:
    """A network in the shape of published weights (those below `visual.`)."""
    width, _, patch, _ = state["conv1.weight"].shape
    return ClipImages(
        width,
        count(state, "transformer.resblocks."),
        patch,
        state["positional_embedding"].shape[0],
        state["proj"].shape[1],
        heads or width // HEAD,
    )
