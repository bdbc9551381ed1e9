"""The layers of Open-Sora-Plan's causal video autoencoder, by the names its configuration uses.

All take and return videos (batch, channels, frames, height, width). Time is causal: a frame depends
on itself and earlier ones, and the first frame alone is an image.

Source: Open-Sora-Plan v1.1.0, `opensora/models/ae/videobase/modules`. Module names are those of its
checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def per_frame(layer: Callable[[torch.Tensor], torch.Tensor], video: torch.Tensor) -> torch.Tensor:
    """Apply a layer for images to every frame of a video."""
    frames = video.shape[2]
    images = layer(video.transpose(1, 2).flatten(0, 1))
    return images.unflatten(0, (-1, frames)).transpose(1, 2)


def repeat_first_frame(video: torch.Tensor, times: int) -> torch.Tensor:
    """Put the first frame `times` more times in front."""
    if times == 0:
        return video
    first = video[:, :, :1].expand(-1, -1, times, -1, -1)
    return torch.cat([first, video], dim=2)


class Conv2d(nn.Conv2d):
    """A convolution of every frame."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C', F, H', W')."""
        return per_frame(super().forward, input)


class CausalConv3d(nn.Module):
    """A convolution that sees no later frames; the first is repeated in front, none is lost."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int],
        padding: int = 0,
    ) -> None:
        super().__init__()
        kernel = (kernel_size,) * 3 if isinstance(kernel_size, int) else kernel_size
        self.repeats = kernel[0] - 1
        self.conv = nn.Conv3d(in_channels, out_channels, kernel, padding=(0, padding, padding))

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C', F, H', W')."""
        output: torch.Tensor = self.conv(repeat_first_frame(video, self.repeats))
        return output


class ResnetBlock3D(nn.Module):
    """Two normalised causal convolutions beside a shortcut; statistics are over the whole video."""

    def __init__(self, in_channels: int, out_channels: int, dropout: float, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=1e-6)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.conv1 = self._convolution(in_channels, out_channels, 3)
        self.conv2 = self._convolution(out_channels, out_channels, 3)
        if in_channels != out_channels:
            self.nin_shortcut = self._convolution(in_channels, out_channels, 1)
        else:
            self.nin_shortcut = nn.Identity()

    @staticmethod
    def _convolution(in_channels: int, out_channels: int, kernel: int) -> nn.Module:
        return CausalConv3d(in_channels, out_channels, kernel, padding=kernel // 2)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C', F, H, W)."""
        hidden = self.conv1(F.silu(self.norm1(video)))
        hidden = self.conv2(self.dropout(F.silu(self.norm2(hidden))))
        output: torch.Tensor = self.nin_shortcut(video) + hidden
        return output


class ResnetBlock2D(ResnetBlock3D):
    """The same for every frame apart: flat convolutions, statistics of one frame."""

    @staticmethod
    def _convolution(in_channels: int, out_channels: int, kernel: int) -> nn.Module:
        return nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C', F, H, W)."""
        return per_frame(super().forward, video)


class AttnBlock3DFix(nn.Module):
    """Self-attention with one head over the pixels of a frame, beside a shortcut."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.q = CausalConv3d(channels, channels, 1)
        self.k = CausalConv3d(channels, channels, 1)
        self.v = CausalConv3d(channels, channels, 1)
        self.proj_out = CausalConv3d(channels, channels, 1)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to the same shape."""
        normalised = self.norm(video)
        # (B, C, F, H, W) -> (B, F, H W, C)
        query, key, value = (
            layer(normalised).permute(0, 2, 3, 4, 1).flatten(2, 3)
            for layer in (self.q, self.k, self.v)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        attended = attended.unflatten(2, video.shape[3:]).permute(0, 4, 1, 2, 3)
        output: torch.Tensor = video + self.proj_out(attended)
        return output


class Downsample(nn.Module):
    """Halves height and width of every frame; pads below and to the right only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C, F, H/2, W/2)."""
        return per_frame(lambda images: self.conv(F.pad(images, (0, 1, 0, 1))), video)


class SpatialUpsample2x(nn.Module):
    """Doubles height and width of every frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = CausalConv3d(channels, channels, (1, 3, 3), padding=1)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C, F, 2H, 2W)."""
        output: torch.Tensor = self.conv(F.interpolate(video, scale_factor=(1.0, 2.0, 2.0)))
        return output


class TimeDownsampleRes2x(nn.Module):
    """From F to (F - 1) / 2 + 1 frames: a learned mixture of averaging and convolving."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, 3, stride=(2, 1, 1), padding=(0, 1, 1))
        self.mix_factor = nn.Parameter(torch.tensor([2.0]))

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C, (F - 1) / 2 + 1, H, W)."""
        share = torch.sigmoid(self.mix_factor)
        padded = repeat_first_frame(video, 2)
        averaged = F.avg_pool3d(padded, (3, 1, 1), stride=(2, 1, 1))
        return share * averaged + (1 - share) * self.conv(padded)


class TimeUpsampleRes2x(nn.Module):
    """From F to 2 F - 1 frames: a learned mixture of interpolating and convolving."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = CausalConv3d(channels, channels, 3, padding=1)
        self.mix_factor = nn.Parameter(torch.tensor([2.0]))

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) to (B, C, 2 F - 1, H, W)."""
        share = torch.sigmoid(self.mix_factor)
        if video.shape[2] > 1:
            first, rest = video[:, :, :1], video[:, :, 1:]
            rest = F.interpolate(rest, scale_factor=(2.0, 1.0, 1.0), mode="trilinear")
            video = torch.cat([first, rest], dim=2)
        return share * video + (1 - share) * self.conv(video)
