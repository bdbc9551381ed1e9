"""Sends whole videos through Wan's causal autoencoder, which does it chunk by chunk itself.

`AutoencoderKLWan` encodes the first frame, then four frames at a time, and hands the ends of chunks
on from convolution to convolution. All of it is causal, so that the same numbers come from one pass
over all frames, which trains faster. Only halving and doubling of the frames needs care: the first
frame passes by both, and doubling sees nothing of it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanResample, patchify, unpatchify


class WholeSequence:
    """A context in which `encode` and `decode` take all frames of an autoencoder's videos at once.

    Args:
        vae: the autoencoder; not Wan 2.2's, whose blocks have shortcuts besides.
    """

    def __init__(self, vae: AutoencoderKLWan) -> None:
        self._vae: Any = vae
        self._resamplers: list[Any] = [m for m in vae.modules() if isinstance(m, WanResample)]

    def __enter__(self) -> Self:
        """Attach."""
        for module in self._resamplers:
            module.forward = _Resampling(module)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the modules their own forward back."""
        for module in self._resamplers:
            del module.forward

    def moments(self, video: torch.Tensor) -> torch.Tensor:
        """Encode videos (clips, 3, frames, height, width) in [-1, 1] to means and log variances.

        Returns:
            (clips, 2 x channels, latent frames, latent height, latent width).
        """
        patches = patchify(video, self._vae.config.patch_size or 1)
        moments: torch.Tensor = self._vae.quant_conv(self._vae.encoder(patches))
        return moments

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents to videos (clips, 3, frames, height, width), not yet clamped."""
        patches = self._vae.decoder(self._vae.post_quant_conv(latents))
        video: torch.Tensor = unpatchify(patches, self._vae.config.patch_size or 1)
        return video


class _Resampling:
    """Halves or doubles height and width, and the number of frames after the first."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __call__(self, x: torch.Tensor, feat_cache: None = None, feat_idx: Any = None) -> Any:
        own = self._module
        if own.mode == "upsample3d" and x.shape[2] > 1:
            first, rest = x[:, :, :1], x[:, :, 1:]
            doubled = own.time_conv(rest).unflatten(1, (2, -1))
            rest = doubled.movedim(1, 3).flatten(2, 3)
            x = torch.cat([first, rest], dim=2)
        clips = len(x)
        images = own.resample(x.transpose(1, 2).flatten(0, 1))
        x = images.unflatten(0, (clips, -1)).transpose(1, 2)
        if own.mode == "downsample3d" and x.shape[2] > 1:
            x = torch.cat([x[:, :, :1], own.time_conv(x)], dim=2)
        return x
