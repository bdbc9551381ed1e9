"""Open-Sora 1.2's spatial autoencoder: diffusers' `AutoencoderKL`, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn


class SpatialVAE(nn.Module):
    """An image autoencoder for the frames of videos, a few of them at a time.

    Its latents are scaled by a factor of Open-Sora's own; `scaling_factor` of the image
    autoencoder's configuration is not used.

    Args:
        module: the image autoencoder; its key prefix in the released state dict is `module`.
        latent_factor: multiplies the latents when encoding, divides them when decoding.
        frames_at_a_time: frames per call of the image autoencoder, or None for all. Bounds the
            memory; the numbers do not depend on it.
    """

    def __init__(
        self, module: AutoencoderKL, latent_factor: float, frames_at_a_time: int | None
    ) -> None:
        super().__init__()
        self.module = module
        self.latent_factor = latent_factor
        self.frames_at_a_time = frames_at_a_time

    @classmethod
    def from_kwargs(
        cls, kwargs: Mapping[str, Any], latent_factor: float, frames_at_a_time: int | None
    ) -> SpatialVAE:
        """Around a new `AutoencoderKL(**kwargs)`."""
        return cls(AutoencoderKL(**kwargs), latent_factor, frames_at_a_time)

    @property
    def factor(self) -> int:
        """Pixels per latent in height and in width."""
        return 2 ** (len(self.module.config.block_out_channels) - 1)

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """(B, 3, T, H, W) in [-1, 1] to mean latents (B, C, T, H // factor, W // factor)."""
        return self._by_frame(
            video, lambda frames: self.module.encode(frames).latent_dist.mode() * self.latent_factor
        )

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, C, T, h, w) to (B, 3, T, factor h, factor w), about [-1, 1], not clamped."""
        return self._by_frame(
            latents, lambda frames: self.module.decode(frames / self.latent_factor).sample
        )

    def enable_tiling(self, tile_size: int) -> None:
        """Work on overlapping tiles, blended; for memory, at some cost in exactness.

        Args:
            tile_size: edge of a tile in pixels, a multiple of 4 `factor` as a quarter overlaps.
        """
        if tile_size < 1 or tile_size % (4 * self.factor):
            raise ValueError(f"tile_size={tile_size}: must be a multiple of {4 * self.factor}")
        self.module.tile_sample_min_size = tile_size
        self.module.tile_latent_min_size = tile_size // self.factor
        self.module.enable_tiling()

    def disable_tiling(self) -> None:
        """Work on whole frames again."""
        self.module.disable_tiling()

    def _by_frame(
        self, video: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        frames = video.transpose(1, 2).flatten(0, 1)
        parts = [function(part) for part in frames.split(self.frames_at_a_time or len(frames))]
        result = torch.cat(parts).unflatten(0, (video.shape[0], video.shape[2]))
        return result.transpose(1, 2)
