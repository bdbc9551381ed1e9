"""Open-Sora 1.2's video autoencoder: spatial, then temporal, in chunks of 17 frames.

Source: hpcaitech/Open-Sora, branch opensora/v1.2, `opensora/models/vae/vae.py`; the released
weights are `hpcai-tech/OpenSora-VAE-v1.2`, whose state-dict keys are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.accelerate_utils import apply_forward_hook

from pab_bench.systems.open_sora.sizes import latent_frames
from pab_bench.systems.open_sora.spatial_vae import SpatialVAE
from pab_bench.systems.open_sora.temporal_vae import TemporalVAE

RELEASED_SPATIAL: Mapping[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "act_fn": "silu",
    "latent_channels": 4,
    "norm_num_groups": 32,
    "sample_size": 1024,
    "scaling_factor": 0.13025,
    "force_upcast": True,
}
"""Arguments of the released model's `AutoencoderKL`, that of SDXL."""

RELEASED_TEMPORAL: Mapping[str, Any] = {
    "in_out_channels": 4,
    "latent_embed_dim": 4,
    "embed_dim": 4,
    "filters": 128,
    "num_res_blocks": 4,
    "channel_multipliers": [1, 2, 2, 4],
    "temporal_downsample": [False, True, True],
    "num_groups": 32,
}
"""Arguments of the released model's `TemporalVAE`."""


class OpenSoraVAE(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Videos to latents of a 8th of the height and width and about 3/10 of the frames, and back.

    Every `micro_frame_size` frames are encoded and decoded on their own, without a state from the
    ones before.

    Args:
        spatial: arguments of diffusers' `AutoencoderKL`; the released model's if None.
        temporal: arguments of `TemporalVAE`; the released model's if None.
        latent_scale: standard deviation of each channel of the unnormalised latents, the initial
            value of the buffer `scale`.
        latent_shift: mean of each channel of the unnormalised latents, that of `shift`.
        spatial_latent_factor: multiplies the spatial latents before the temporal encoder.
        micro_frame_size: frames in a chunk, or None for one chunk of any length.
        micro_batch_size: frames per call of the spatial autoencoder, or None for all.

    Raises:
        ValueError: if channel counts do not fit each other.
    """

    _supports_gradient_checkpointing = False

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        spatial: dict[str, Any] | None = None,
        temporal: dict[str, Any] | None = None,
        latent_scale: Sequence[float] = (3.85, 2.32, 2.33, 3.06),
        latent_shift: Sequence[float] = (-0.10, 0.34, 0.27, 0.98),
        spatial_latent_factor: float = 0.18215,
        micro_frame_size: int | None = 17,
        micro_batch_size: int | None = 4,
    ) -> None:
        super().__init__()
        spatial = dict(RELEASED_SPATIAL if spatial is None else spatial)
        temporal = dict(RELEASED_TEMPORAL if temporal is None else temporal)
        self.register_to_config(spatial=spatial, temporal=temporal)
        self.spatial_vae = SpatialVAE.from_kwargs(spatial, spatial_latent_factor, micro_batch_size)
        self.temporal_vae = TemporalVAE(**temporal)
        self._check_channels(len(latent_scale), len(latent_shift))
        self.scale: torch.Tensor
        self.shift: torch.Tensor
        self.register_buffer("scale", torch.tensor(latent_scale).view(1, -1, 1, 1, 1))
        self.register_buffer("shift", torch.tensor(latent_shift).view(1, -1, 1, 1, 1))

    def latent_size(self, num_frames: int, height: int, width: int) -> tuple[int, int, int]:
        """(T, h, w) of the latents of a video of this size, in pixels."""
        factor = self.spatial_vae.factor
        return self._latent_frames(num_frames), height // factor, width // factor

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """Normalised latents, the mean of their posterior.

        Args:
            video: (B, 3, T, H, W) in [-1, 1].

        Returns:
            (B, C, *latent_size(T, H, W)), about standard normal: what the transformer sees.
        """
        return (self.posterior(video).mode() - self.shift) / self.scale

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def posterior(self, video: torch.Tensor) -> DiagonalGaussianDistribution:
        """The distribution of the latents before they are normalised by `scale` and `shift`.

        Args:
            video: (B, 3, T, H, W) in [-1, 1].
        """
        return self.temporal_encode(self.spatial_vae.encode(video))

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def decode(self, latents: torch.Tensor, num_frames: int) -> torch.Tensor:
        """A video from normalised latents.

        Args:
            latents: (B, C, T, h, w) as the sampler leaves them.
            num_frames: frames of the video, of which T are the latent frames.

        Returns:
            (B, 3, num_frames, 8h, 8w), about [-1, 1], not clamped.

        Raises:
            ValueError: if T latent frames do not make `num_frames` frames.
        """
        return self.spatial_vae.decode(
            self.temporal_decode(latents * self.scale + self.shift, num_frames)
        )

    def temporal_encode(self, spatial_latents: torch.Tensor) -> DiagonalGaussianDistribution:
        """The distribution of the latents; its `parameters` are means, then log variances.

        Args:
            spatial_latents: (B, in_out_channels, T, h, w), as the spatial encoder leaves them
                times `spatial_latent_factor`.
        """
        chunks = spatial_latents.split(self._chunk(spatial_latents.shape[2]), dim=2)
        moments = torch.cat([self.temporal_vae.encode(chunk) for chunk in chunks], dim=2)
        return DiagonalGaussianDistribution(moments)

    def temporal_decode(self, latents: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Spatial latents times `spatial_latent_factor`: (B, in_out_channels, num_frames, h, w).

        Args:
            latents: (B, C, T, h, w), not normalised.
            num_frames: frames of the video, of which T are the latent frames.

        Raises:
            ValueError: if T latent frames do not make `num_frames` frames.
        """
        if num_frames < 1:
            raise ValueError(f"num_frames={num_frames}: must be at least 1")
        if latents.shape[2] != self._latent_frames(num_frames):
            raise ValueError(
                f"num_frames={num_frames}: needs {self._latent_frames(num_frames)} latent frames, "
                f"got latents of shape {tuple(latents.shape)}"
            )
        chunk = self._chunk(num_frames)
        parts = []
        for index, part in enumerate(latents.split(-(-chunk // self.temporal_vae.factor), dim=2)):
            frames = min(chunk, num_frames - index * chunk)
            parts.append(self.temporal_vae.decode(part, frames))
        return torch.cat(parts, dim=2)

    def enable_tiling(self, tile_size: int = 256) -> None:
        """Let the spatial autoencoder work on overlapping tiles of `tile_size` pixels, blended.

        It bounds the memory at high resolutions; frames no larger than a tile are not affected.
        """
        self.spatial_vae.enable_tiling(tile_size)

    def disable_tiling(self) -> None:
        """Let the spatial autoencoder work on whole frames again."""
        self.spatial_vae.disable_tiling()

    def _chunk(self, num_frames: int) -> int:
        size: int | None = self.config.micro_frame_size
        return num_frames if size is None else size

    def _latent_frames(self, num_frames: int) -> int:
        return latent_frames(num_frames, self._chunk(num_frames), self.temporal_vae.factor)

    def _check_channels(self, scales: int, shifts: int) -> None:
        temporal = self.config.temporal
        outside = self.spatial_vae.module.config.latent_channels
        inside = temporal.get("in_out_channels", RELEASED_TEMPORAL["in_out_channels"])
        if inside != outside:
            raise ValueError(
                f"temporal.in_out_channels={inside}: must be spatial.latent_channels={outside}"
            )
        embedded = temporal.get("embed_dim", RELEASED_TEMPORAL["embed_dim"])
        if not scales == shifts == embedded:
            raise ValueError(
                f"latent_scale and latent_shift: expected temporal.embed_dim={embedded} values "
                f"each, got {scales} and {shifts}"
            )
