"""Open-Sora-Plan's causal video autoencoder, `CausalVAEModel_4x8x8`.

Source: Open-Sora-Plan v1.1.0, `modeling_causalvae.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.utils.accelerate_utils import apply_forward_hook

from pab_bench.systems.open_sora_plan.vae_coders import Decoder, Encoder
from pab_bench.systems.open_sora_plan.vae_layers import CausalConv3d
from pab_bench.systems.open_sora_plan.vae_tiling import RELEASED_TILING, Tiling, code_in_tiles

RESNETS = ("ResnetBlock2D", "ResnetBlock3D")
SPATIAL_DOWNSAMPLES = ("", "Downsample")
TEMPORAL_DOWNSAMPLES = ("", "TimeDownsampleRes2x")
SPATIAL_UPSAMPLES = ("", "SpatialUpsample2x")
TEMPORAL_UPSAMPLES = ("", "TimeUpsampleRes2x")
FIRST_CONVOLUTIONS = ("Conv2d", "CausalConv3d")


class CausalVAEModel(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Videos in [-1, 1] to latents and back: a quarter of the frames, an eighth of the size.

    65 frames of 512 x 512 become (4, 17, 64, 64). The first frame is coded alone: F frames become
    (F - 1) / 4 + 1. A model multiplies latents by `scaling_factor`.

    The constructor's names and defaults are those of the released configuration.

    Args:
        hidden_size: width of the first level.
        hidden_size_mult: width of each level in multiples of it.
        num_res_blocks: residual blocks per level.
        z_channels: channels between encoder or decoder and the 1 x 1 x 1 convolutions.
        embed_dim: channels of the latents.
        double_z: must be true: the encoder yields means and variances.
        dropout: while training.
        attn_resolutions: must be empty: there is attention in the middle only.
        q_conv: the convolution next to the latents; `CausalConv3d`.
        encoder_conv_in: `Conv2d` or `CausalConv3d`.
        encoder_conv_out: `CausalConv3d`.
        encoder_attention: `AttnBlock3DFix`.
        encoder_mid_resnet: `ResnetBlock3D`.
        encoder_resnet_blocks: per level `ResnetBlock2D` or `ResnetBlock3D`.
        encoder_spatial_downsample: per level `Downsample` or nothing ("").
        encoder_temporal_downsample: per level `TimeDownsampleRes2x` or nothing.
        decoder_conv_in: `CausalConv3d`.
        decoder_conv_out: `CausalConv3d`.
        decoder_attention: `AttnBlock3DFix`.
        decoder_mid_resnet: `ResnetBlock3D`.
        decoder_resnet_blocks: as the encoder's.
        decoder_spatial_upsample: per level `SpatialUpsample2x` or nothing.
        decoder_temporal_upsample: per level `TimeUpsampleRes2x` or nothing.
        norm_num_groups: groups of every normalisation; upstream always has 32.
        scaling_factor: what latents are multiplied by for a diffusion model.
        resolution: without effect, like the rest: settings of upstream's training program.
        lr: learning rate.
        loss_type: class of the loss.
        loss_params: its arguments.

    Raises:
        ValueError: for a layer that is not among these, or widths that do not fit the groups.
    """

    # Checkpoints of the training program hold its perceptual net and discriminator too.
    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^loss\."]

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        hidden_size: int = 128,
        hidden_size_mult: Sequence[int] = (1, 2, 4, 4),
        num_res_blocks: int = 2,
        z_channels: int = 4,
        embed_dim: int = 4,
        double_z: bool = True,
        dropout: float = 0.0,
        attn_resolutions: Sequence[int] = (),
        q_conv: str = "CausalConv3d",
        encoder_conv_in: str = "Conv2d",
        encoder_conv_out: str = "CausalConv3d",
        encoder_attention: str = "AttnBlock3DFix",
        encoder_mid_resnet: str = "ResnetBlock3D",
        encoder_resnet_blocks: Sequence[str] = (
            "ResnetBlock2D",
            "ResnetBlock2D",
            "ResnetBlock3D",
            "ResnetBlock3D",
        ),
        encoder_spatial_downsample: Sequence[str] = ("Downsample", "Downsample", "Downsample", ""),
        encoder_temporal_downsample: Sequence[str] = (
            "",
            "TimeDownsampleRes2x",
            "TimeDownsampleRes2x",
            "",
        ),
        decoder_conv_in: str = "CausalConv3d",
        decoder_conv_out: str = "CausalConv3d",
        decoder_attention: str = "AttnBlock3DFix",
        decoder_mid_resnet: str = "ResnetBlock3D",
        decoder_resnet_blocks: Sequence[str] = ("ResnetBlock3D",) * 4,
        decoder_spatial_upsample: Sequence[str] = (
            "",
            "SpatialUpsample2x",
            "SpatialUpsample2x",
            "SpatialUpsample2x",
        ),
        decoder_temporal_upsample: Sequence[str] = (
            "",
            "",
            "TimeUpsampleRes2x",
            "TimeUpsampleRes2x",
        ),
        norm_num_groups: int = 32,
        scaling_factor: float = 0.18215,
        resolution: int = 256,
        lr: float = 1e-5,
        loss_type: str = "",
        loss_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        only = ("CausalConv3d",), ("AttnBlock3DFix",), ("ResnetBlock3D",)
        _check("q_conv", q_conv, only[0])
        _check("encoder_conv_in", encoder_conv_in, FIRST_CONVOLUTIONS)
        _check("encoder_conv_out", encoder_conv_out, only[0])
        _check("encoder_attention", encoder_attention, only[1])
        _check("encoder_mid_resnet", encoder_mid_resnet, only[2])
        _check("decoder_conv_in", decoder_conv_in, only[0])
        _check("decoder_conv_out", decoder_conv_out, only[0])
        _check("decoder_attention", decoder_attention, only[1])
        _check("decoder_mid_resnet", decoder_mid_resnet, only[2])
        levels = len(hidden_size_mult)
        for name, layers, allowed in (
            ("encoder_resnet_blocks", encoder_resnet_blocks, RESNETS),
            ("encoder_spatial_downsample", encoder_spatial_downsample, SPATIAL_DOWNSAMPLES),
            ("encoder_temporal_downsample", encoder_temporal_downsample, TEMPORAL_DOWNSAMPLES),
            ("decoder_resnet_blocks", decoder_resnet_blocks, RESNETS),
            ("decoder_spatial_upsample", decoder_spatial_upsample, SPATIAL_UPSAMPLES),
            ("decoder_temporal_upsample", decoder_temporal_upsample, TEMPORAL_UPSAMPLES),
        ):
            if len(layers) != levels:
                raise ValueError(f"{name}: expected {levels} levels, got {len(layers)}")
            for layer in layers:
                _check(name, layer, allowed)
        if list(attn_resolutions):
            raise ValueError(f"attn_resolutions: must be empty, got {list(attn_resolutions)}")
        if not double_z:
            raise ValueError("double_z: must be true, got false")

        widths = [hidden_size * factor for factor in hidden_size_mult]
        for width in (hidden_size, *widths):
            if width % norm_num_groups:
                raise ValueError(
                    f"norm_num_groups: must divide all widths {widths}, got {norm_num_groups}"
                )
        self.encoder = Encoder(
            [hidden_size, *widths],
            encoder_conv_in,
            encoder_resnet_blocks,
            encoder_spatial_downsample,
            encoder_temporal_downsample,
            num_res_blocks,
            2 * z_channels,
            dropout,
            norm_num_groups,
        )
        self.decoder = Decoder(
            widths,
            decoder_resnet_blocks,
            decoder_spatial_upsample,
            decoder_temporal_upsample,
            num_res_blocks,
            z_channels,
            dropout,
            norm_num_groups,
        )
        self.quant_conv = CausalConv3d(2 * z_channels, 2 * embed_dim, 1)
        self.post_quant_conv = CausalConv3d(embed_dim, z_channels, 1)
        self.spatial_compression_ratio = 2 ** sum(map(bool, encoder_spatial_downsample))
        self.temporal_compression_ratio = 2 ** sum(map(bool, encoder_temporal_downsample))
        self.tiling: Tiling | None = None

    def enable_tiling(self, tiling: Tiling = RELEASED_TILING) -> None:
        """Code videos that exceed a tile in pieces; this needs less memory and changes pixels.

        Raises:
            ValueError: if tiles of these sizes leave gaps or overlap when they are joined.
        """
        if not tiling.joins():
            raise ValueError(
                f"tiling: tiles of {tiling.sample_size} pixels and {tiling.latent_size} latents "
                f"do not join with an overlap of {tiling.overlap}"
            )
        self.tiling = tiling

    def disable_tiling(self) -> None:
        """Code every video as a whole."""
        self.tiling = None

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def encode(self, video: torch.Tensor) -> AutoencoderKLOutput:
        """Encode a video in [-1, 1].

        Args:
            video: (B, 3, F, H, W) with F - 1 a multiple of 4, H and W of 8 (for the released
                configuration).

        Returns:
            `latent_dist`: a normal distribution of latents (B, 4, (F - 1) / 4 + 1, H / 8, W / 8),
            not yet multiplied by `scaling_factor`.

        Raises:
            ValueError: for another size.
        """
        time, space = self.temporal_compression_ratio, self.spatial_compression_ratio
        _, _, frames, height, width = video.shape
        if (frames - 1) % time or height % space or width % space:
            raise ValueError(
                f"video: frames - 1 must be a multiple of {time}, height and width of {space}, "
                f"got {frames} x {height} x {width}"
            )
        tiling = self.tiling
        if tiling and _exceeds(video, tiling.sample_frames, tiling.sample_size):
            moments = code_in_tiles(
                video,
                self._encode,
                tiling.sample_frames,
                tiling.sample_size,
                tiling.latent_size,
                tiling.overlap,
            )
        else:
            moments = self._encode(video)
        return AutoencoderKLOutput(latent_dist=DiagonalGaussianDistribution(moments))

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def decode(self, latents: torch.Tensor) -> DecoderOutput:
        """Decode latents (B, 4, F, H, W), already divided by `scaling_factor`.

        Returns:
            `sample`: (B, 3, 4 F - 3, 8 H, 8 W), about in [-1, 1].
        """
        tiling = self.tiling
        if tiling and _exceeds(latents, tiling.latent_frames, tiling.latent_size):
            video = code_in_tiles(
                latents,
                self._decode,
                tiling.latent_frames,
                tiling.latent_size,
                tiling.sample_size,
                tiling.overlap,
            )
        else:
            video = self._decode(latents)
        return DecoderOutput(sample=video)

    def forward(
        self,
        video: torch.Tensor,
        sample_posterior: bool = False,
        generator: torch.Generator | None = None,
    ) -> DecoderOutput:
        """Encode and decode; with `sample_posterior` from a sample, else from the mode."""
        posterior = self.encode(video).latent_dist
        return self.decode(posterior.sample(generator) if sample_posterior else posterior.mode())

    def _encode(self, video: torch.Tensor) -> torch.Tensor:
        moments: torch.Tensor = self.quant_conv(self.encoder(video))
        return moments

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        video: torch.Tensor = self.decoder(self.post_quant_conv(latents))
        return video


def _exceeds(video: torch.Tensor, frames: int, size: int) -> bool:
    return video.shape[2] > frames or max(video.shape[3:]) > size


def _check(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {list(allowed)}, got {value!r}")
