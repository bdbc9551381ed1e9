"""Open-Sora 1.2's temporal autoencoder: causal 3-D convolutions over spatial latents.

It turns every four frames of spatial latents into one, and back; height and width stay. Module
names are those of the released state dict. Source: hpcaitech/Open-Sora, branch opensora/v1.2,
`opensora/models/vae/vae_temporal.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class CausalConv3d(nn.Module):
    """A 3-D convolution whose output at a frame sees that frame and earlier ones only.

    Zeros go in front of the first frame and around every frame.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: edge length of the kernel in time, height and width; odd.
        time_stride: frames per output frame.
        bias: whether a bias is added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        time_stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.frames_in_front = kernel - time_stride
        self.conv = nn.Conv3d(
            in_channels,
            out_channels,
            kernel,
            stride=(time_stride, 1, 1),
            padding=(0, kernel // 2, kernel // 2),
            bias=bias,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, T, H, W) to (B, out_channels, T / time_stride, H, W)."""
        if self.frames_in_front:
            x = F.pad(x, (0, 0, 0, 0, self.frames_in_front, 0))
        return self.conv(x)


class ResidualBlock(nn.Module):
    """Two times group norm, SiLU and convolution, plus the input."""

    def __init__(self, in_channels: int, out_channels: int, num_groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(num_groups, in_channels)
        self.conv1 = CausalConv3d(in_channels, out_channels, 3, bias=False)
        self.norm2 = nn.GroupNorm(num_groups, out_channels)
        self.conv2 = CausalConv3d(out_channels, out_channels, 3, bias=False)
        self.conv3 = (
            CausalConv3d(in_channels, out_channels, 1, bias=False)
            if in_channels != out_channels
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, T, H, W) to (B, out_channels, T, H, W)."""
        change = self.conv1(F.silu(self.norm1(x)))
        change = self.conv2(F.silu(self.norm2(change)))
        return change + (x if self.conv3 is None else self.conv3(x))


def _residual_blocks(
    count: int, in_channels: int, out_channels: int, num_groups: int
) -> nn.ModuleList:
    widths = [in_channels] + [out_channels] * count
    return nn.ModuleList(
        ResidualBlock(before, out_channels, num_groups) for before in widths[:count]
    )


class TemporalEncoder(nn.Module):
    """Levels of residual blocks, some followed by a convolution of stride 2 in time."""

    def __init__(
        self,
        in_out_channels: int,
        latent_embed_dim: int,
        filters: int,
        num_res_blocks: int,
        channel_multipliers: Sequence[int],
        temporal_downsample: Sequence[bool],
        num_groups: int,
    ) -> None:
        super().__init__()
        widths = [filters * multiplier for multiplier in channel_multipliers]
        self.conv_in = CausalConv3d(in_out_channels, filters, 3, bias=False)
        self.block_res_blocks = nn.ModuleList(
            _residual_blocks(num_res_blocks, before, width, num_groups)
            for before, width in zip([filters, *widths[:-1]], widths, strict=True)
        )
        self.conv_blocks = nn.ModuleList(
            CausalConv3d(width, width, 3, time_stride=2) if halve else nn.Identity()
            for width, halve in zip(widths[:-1], temporal_downsample, strict=True)
        )
        self.res_blocks = _residual_blocks(num_res_blocks, widths[-1], widths[-1], num_groups)
        self.norm1 = nn.GroupNorm(num_groups, widths[-1])
        self.conv2 = CausalConv3d(widths[-1], 2 * latent_embed_dim, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_out_channels, T, H, W) to (B, 2 latent_embed_dim, T / factor, H, W)."""
        x = self.conv_in(x)
        for level, blocks in enumerate(self.block_res_blocks):
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
            if level < len(self.conv_blocks):
                x = self.conv_blocks[level](x)
        for block in self.res_blocks:
            x = block(x)
        return self.conv2(F.silu(self.norm1(x)))


class TemporalDecoder(nn.Module):
    """The encoder's levels backwards; channels become frames where the encoder halved them."""

    def __init__(
        self,
        in_out_channels: int,
        latent_embed_dim: int,
        filters: int,
        num_res_blocks: int,
        channel_multipliers: Sequence[int],
        temporal_downsample: Sequence[bool],
        num_groups: int,
    ) -> None:
        super().__init__()
        widths = [filters * multiplier for multiplier in channel_multipliers]
        self.conv1 = CausalConv3d(latent_embed_dim, widths[-1], 3)
        self.res_blocks = _residual_blocks(num_res_blocks, widths[-1], widths[-1], num_groups)
        self.block_res_blocks = nn.ModuleList(
            _residual_blocks(num_res_blocks, before, width, num_groups)
            for before, width in zip([*widths[1:], widths[-1]], widths, strict=True)
        )
        self.conv_blocks = nn.ModuleList(
            CausalConv3d(width, 2 * width, 3) if halved else nn.Identity()
            for width, halved in zip(widths[1:], temporal_downsample, strict=True)
        )
        self.norm1 = nn.GroupNorm(num_groups, widths[0])
        self.conv_out = CausalConv3d(widths[0], in_out_channels, 3)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(B, latent_embed_dim, T, H, W) to (B, in_out_channels, factor T, H, W)."""
        x = self.conv1(z)
        for block in self.res_blocks:
            x = block(x)
        for level in reversed(range(len(self.block_res_blocks))):
            for block in self.block_res_blocks[level]:  # type: ignore[attr-defined]
                x = block(x)
            if level > 0 and isinstance(self.conv_blocks[level - 1], CausalConv3d):
                x = _channels_to_frames(self.conv_blocks[level - 1](x))
        return self.conv_out(F.silu(self.norm1(x)))


def _channels_to_frames(x: torch.Tensor) -> torch.Tensor:
    """(B, 2C, T, H, W) to (B, C, 2T, H, W): channel 2c + s of frame t is c of frame 2t + s."""
    batch, channels, frames, height, width = x.shape
    x = x.view(batch, channels // 2, 2, frames, height, width).transpose(2, 3)
    return x.reshape(batch, channels // 2, 2 * frames, height, width)


class TemporalVAE(nn.Module):
    """Encoder, decoder and the 1 x 1 x 1 convolutions around the latents.

    Args:
        in_out_channels: channels of the spatial latents.
        latent_embed_dim: channels between the inner convolutions and the 1 x 1 x 1 ones.
        embed_dim: channels of the latents.
        filters: channels of the widest-in-time level; the others are multiples of it.
        num_res_blocks: residual blocks per level.
        channel_multipliers: one for each level.
        temporal_downsample: for each level but the last, whether frames are halved after it.
        num_groups: groups of every group norm; divides `filters`.

    Raises:
        ValueError: if the arguments do not fit each other.
    """

    def __init__(
        self,
        in_out_channels: int = 4,
        latent_embed_dim: int = 4,
        embed_dim: int = 4,
        filters: int = 128,
        num_res_blocks: int = 4,
        channel_multipliers: Sequence[int] = (1, 2, 2, 4),
        temporal_downsample: Sequence[bool] = (False, True, True),
        num_groups: int = 32,
    ) -> None:
        super().__init__()
        if len(temporal_downsample) != len(channel_multipliers) - 1:
            raise ValueError(
                f"temporal_downsample={list(temporal_downsample)}: expected one entry fewer than "
                f"channel_multipliers={list(channel_multipliers)}"
            )
        if filters % num_groups:
            raise ValueError(f"num_groups={num_groups}: must divide filters={filters}")
        levels = (filters, num_res_blocks, channel_multipliers, temporal_downsample, num_groups)
        self.factor = 2 ** sum(map(bool, temporal_downsample))
        self.encoder = TemporalEncoder(in_out_channels, latent_embed_dim, *levels)
        self.quant_conv = CausalConv3d(2 * latent_embed_dim, 2 * embed_dim, 1)
        self.post_quant_conv = CausalConv3d(embed_dim, latent_embed_dim, 1)
        self.decoder = TemporalDecoder(in_out_channels, latent_embed_dim, *levels)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Moments of the latents of one chunk.

        Args:
            x: (B, in_out_channels, T, H, W) spatial latents; zeros go in front of the first
                frame up to a multiple of `factor`.

        Returns:
            (B, 2 embed_dim, ceil(T / factor), H, W): means, then log variances.
        """
        missing = -x.shape[2] % self.factor
        return self.quant_conv(self.encoder(F.pad(x, (0, 0, 0, 0, missing, 0))))

    def decode(self, z: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Spatial latents of one chunk.

        Args:
            z: (B, embed_dim, ceil(num_frames / factor), H, W).
            num_frames: frames wanted; the decoder's surplus is dropped in front, where the encoder
                padded.

        Returns:
            (B, in_out_channels, num_frames, H, W).
        """
        frames = self.factor * z.shape[2]
        if not 0 <= frames - num_frames < self.factor:
            raise ValueError(
                f"num_frames={num_frames}: {z.shape[2]} latent frames hold "
                f"{frames - self.factor + 1} to {frames} frames"
            )
        return self.decoder(self.post_quant_conv(z))[:, :, frames - num_frames :]
