"""Encoder and decoder of Open-Sora-Plan's causal video autoencoder.

Source: Open-Sora-Plan v1.1.0, `modeling_causalvae.py`. Module names are those of its checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from pab_bench.systems.open_sora_plan import vae_layers
from pab_bench.systems.open_sora_plan.vae_layers import AttnBlock3DFix, CausalConv3d


class Middle(nn.Module):
    """Attention between two residual blocks, at the lowest resolution."""

    def __init__(self, channels: int, dropout: float, groups: int) -> None:
        super().__init__()
        self.block_1 = vae_layers.ResnetBlock3D(channels, channels, dropout, groups)
        self.attn_1 = AttnBlock3DFix(channels, groups)
        self.block_2 = vae_layers.ResnetBlock3D(channels, channels, dropout, groups)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to the same shape."""
        output: torch.Tensor = self.block_2(self.attn_1(self.block_1(video)))
        return output


class Level(nn.Module):
    """Residual blocks at one resolution, and the way to the next.

    Args:
        resamplings: attribute name and layer name of what follows the blocks; "" for nothing.
    """

    def __init__(
        self,
        resnet: str,
        channels: Sequence[int],
        resamplings: Sequence[tuple[str, str]],
        dropout: float,
        groups: int,
    ) -> None:
        super().__init__()
        build = getattr(vae_layers, resnet)
        self.block = nn.ModuleList(
            build(before, after, dropout, groups) for before, after in pairwise(channels)
        )
        for attribute, name in resamplings:
            layer = getattr(vae_layers, name)(channels[-1]) if name else nn.Identity()
            self.add_module(attribute, layer)
        self._resamplings = [attribute for attribute, _ in resamplings]

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to the shape of the next level."""
        for block in self.block:
            video = block(video)
        for attribute in self._resamplings:
            video = self.get_submodule(attribute)(video)
        return video


class Encoder(nn.Module):
    """Videos (B, 3, F, H, W) to moments (B, 2 z, F', H', W')."""

    def __init__(
        self,
        channels: Sequence[int],
        first: str,
        resnets: Sequence[str],
        spatial: Sequence[str],
        temporal: Sequence[str],
        blocks: int,
        outputs: int,
        dropout: float,
        groups: int,
    ) -> None:
        super().__init__()
        self.conv_in = getattr(vae_layers, first)(3, channels[0], 3, padding=1)
        self.down = nn.ModuleList(
            Level(
                resnets[level],
                [channels[level]] + [channels[level + 1]] * blocks,
                [("downsample", spatial[level]), ("time_downsample", temporal[level])],
                dropout,
                groups,
            )
            for level in range(len(resnets))
        )
        self.mid = Middle(channels[-1], dropout, groups)
        self.norm_out = nn.GroupNorm(groups, channels[-1], eps=1e-6)
        self.conv_out = CausalConv3d(channels[-1], outputs, 3, padding=1)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """Videos to moments."""
        hidden = self.conv_in(video)
        for level in self.down:
            hidden = level(hidden)
        output: torch.Tensor = self.conv_out(F.silu(self.norm_out(self.mid(hidden))))
        return output


class Decoder(nn.Module):
    """Latents (B, z, F', H', W') to videos (B, 3, F, H, W)."""

    def __init__(
        self,
        channels: Sequence[int],
        resnets: Sequence[str],
        spatial: Sequence[str],
        temporal: Sequence[str],
        blocks: int,
        inputs: int,
        dropout: float,
        groups: int,
    ) -> None:
        super().__init__()
        # `channels` has one entry per level; a level begins with the width of the one below it.
        self.conv_in = CausalConv3d(inputs, channels[-1], 3, padding=1)
        self.mid = Middle(channels[-1], dropout, groups)
        self.up = nn.ModuleList(
            Level(
                resnets[level],
                [channels[min(level + 1, len(channels) - 1)]] + [channels[level]] * (blocks + 1),
                [("upsample", spatial[level]), ("time_upsample", temporal[level])],
                dropout,
                groups,
            )
            for level in range(len(resnets))
        )
        self.norm_out = nn.GroupNorm(groups, channels[0], eps=1e-6)
        self.conv_out = CausalConv3d(channels[0], 3, 3, padding=1)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents to videos."""
        hidden = self.mid(self.conv_in(latents))
        for level in reversed(self.up):
            hidden = level(hidden)
        output: torch.Tensor = self.conv_out(F.silu(self.norm_out(hidden)))
        return output
