"""The vision transformer of DINO (Caron et al. 2021), by the names of its published weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from pab_bench.metrics.networks.loading import count

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State

HEAD = 64
"""Width of an attention head in every published size."""


class Dino(nn.Module):
    """From images to their class tokens.

    Args:
        width: of a token.
        depth: number of blocks.
        patch: side of a patch, pixels.
        positions: number of position embeddings, the class token's included.
        heads: number of attention heads.
    """

    def __init__(self, width: int, depth: int, patch: int, positions: int, heads: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, positions, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class tokens, shape (images, width), of images of shape (images, 3, height, width)."""
        patches = self.patch_embed["proj"](images)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = tokens + self._positions(patches.shape[-2], patches.shape[-1])
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)[:, 0]

    def _positions(self, rows: int, columns: int) -> torch.Tensor:
        """Position embeddings of a grid of patches, shape (1, 1 + rows * columns, width)."""
        first, grid = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        side = math.isqrt(grid.shape[1])
        if rows == columns == side:
            return self.pos_embed
        # The original adds 0.1 to guard against rounding; it is part of the scale that the
        # interpolation uses, and so of the result.
        scale = ((rows + 0.1) / side, (columns + 0.1) / side)
        grid = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = functional.interpolate(grid, scale_factor=scale, mode="bicubic")
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], dim=1)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        parts = self.attn["qkv"](self.norm1(tokens)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.attn["proj"](seen.transpose(1, 2).flatten(2))
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(tokens)))
        return tokens + self.mlp["fc2"](hidden)


def dino(state: State, heads: int | None = None) -> Dino:
    """A network in the shape of published weights."""
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    return Dino(
        width, count(state, "blocks."), patch, state["pos_embed"].shape[1], heads or width // HEAD
    )
