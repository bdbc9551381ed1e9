"""DINO (Caron et al. 2021): the vision transformer of `transformers` with the published weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from transformers import ViTConfig, ViTModel
from transformers.models.vit.modeling_vit import ViTEmbeddings

from pab_bench.metrics.networks.loading import count
from pab_bench.metrics.networks.names import renamed

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State

HEAD = 64
"""Width of an attention head in every published size."""
# The names that the blocks have since transformers 5.9; others make loading fail.
_NAMES = (
    (r"^cls_token$", "embeddings.cls_token"),
    (r"^pos_embed$", "embeddings.position_embeddings"),
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^blocks\.", "layers."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.qkv\.", ".attention.{}_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"^norm\.", "layernorm."),
)


class _Embeddings(ViTEmbeddings):  # type: ignore[misc]
    def interpolate_pos_encoding(
        self, embeddings: torch.Tensor, height: int, width: int
    ) -> torch.Tensor:
        """Position embeddings of an image's patches, shape (1, 1 + rows * columns, width).

        That of `transformers` scales to the number of rows and columns. DINO adds 0.1 to them to
        guard against rounding; it is part of the scale that the interpolation uses, and so of the
        result.
        """
        del embeddings
        rows, columns = height // self.patch_size, width // self.patch_size
        first, grid = self.position_embeddings[:, :1], self.position_embeddings[:, 1:]
        side = math.isqrt(grid.shape[1])
        if rows == columns == side:
            return self.position_embeddings
        scale = ((rows + 0.1) / side, (columns + 0.1) / side)
        grid = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = functional.interpolate(grid, scale_factor=scale, mode="bicubic")
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], dim=1)


class Dino(ViTModel):  # type: ignore[misc]
    """From images to their class tokens."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config, add_pooling_layer=False)
        self.embeddings = _Embeddings(config)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class tokens, shape (images, width), of images of shape (images, 3, height, width)."""
        return super().forward(images, interpolate_pos_encoding=True).last_hidden_state[:, 0]


def transformers_state(state: State) -> State:
    """The published tensors by the names of `transformers`."""
    return renamed(state, _NAMES)


def dino(state: State) -> Dino:
    """A network in the shape of the tensors of `transformers_state`."""
    width, _, patch, _ = state["embeddings.patch_embeddings.projection.weight"].shape
    _, positions, _ = state["embeddings.position_embeddings"].shape
    return Dino(
        ViTConfig(
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=count(state, "layers."),
            num_attention_heads=max(1, width // HEAD),
            patch_size=patch,
            image_size=patch * math.isqrt(positions - 1),  # The first is the class token's.
            layer_norm_eps=1e-6,
        )
    )
