"""Open-Sora-Plan's transformer `LatteT2V`, of diffusers' own blocks.

Source: Open-Sora-Plan v1.1.0, `opensora/models/diffusion/latte/modeling_latte.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.embeddings import (
    PatchEmbed,
    PixArtAlphaTextProjection,
    get_1d_sincos_pos_embed_from_grid,
)
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.normalization import AdaLayerNormSingle
from torch import nn
from torch.nn import functional as F  # noqa: N812

MASKED = -10000.0
"""What is added to the scores of masked keys."""

ONLY = {
    "patch_size_t": 1,
    "num_vector_embeds": None,
    "only_cross_attention": False,
    "double_self_attention": False,
    "upcast_attention": False,
    "norm_type": "ada_norm_single",
    "attention_type": "default",
    "use_rope": False,
    "compress_kv_factor": 1,
}
"""Settings of upstream's class with which no v1.1.0 model was released: one value is allowed."""


class LatteT2V(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Denoises latent videos: spatial and temporal transformer blocks in turn, as Latte has them.

    A spatial block attends over the tokens of a frame, then to the text; a temporal block attends
    over the frames of a token. Sinusoidal positions are squeezed to the span seen in training:
    at another frame size those in space, in a model for long videos those in time.

    The constructor's names are those of released configurations, the defaults those of
    65 x 512 x 512.

    Args:
        num_attention_heads: heads of every attention.
        attention_head_dim: width of a head.
        in_channels: channels of latents.
        out_channels: twice as many: the predicted noise, then a variance that is not used.
        num_layers: pairs of a spatial and a temporal block.
        dropout: while training.
        cross_attention_dim: width of the projected text.
        attention_bias: whether query, key and value have a bias.
        sample_size: height and width of the latents trained on; equal.
        patch_size: height and width of a token in latent pixels.
        activation_fn: of the MLPs.
        num_embeds_ada_norm: timesteps trained with.
        norm_elementwise_affine: whether the blocks' normalisations have weights of their own.
        norm_eps: of the blocks' normalisations.
        caption_channels: width of the text encoder's features.
        video_length: latent frames trained on.
        model_max_length: tokens that a prompt is padded or cut to.
        interpolation_scale_1d: by how much positions in time are squeezed; None = by as much as
            brings `video_length` to the 16 frames of Latte.
        patch_size_t: 1.
        num_vector_embeds: None.
        only_cross_attention: False.
        double_self_attention: False.
        upcast_attention: False.
        norm_type: `ada_norm_single`.
        attention_type: `default`.
        use_rope: False.
        compress_kv_factor: 1.
        attention_mode: without effect: upstream's choice of kernel, not of mathematics.
        norm_num_groups: without effect, as upstream.
        use_linear_projection: without effect, as upstream.
        rope_scaling_type: without effect, as upstream without rotary positions.

    Raises:
        ValueError: for a setting with which upstream computes something else.
    """

    _skip_layerwise_casting_patterns = ("pos_embed", "norm")

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_attention_heads: int = 16,
        attention_head_dim: int = 72,
        in_channels: int = 4,
        out_channels: int = 8,
        num_layers: int = 28,
        dropout: float = 0.0,
        cross_attention_dim: int = 1152,
        attention_bias: bool = True,
        sample_size: Sequence[int] = (64, 64),
        patch_size: int = 2,
        activation_fn: str = "gelu-approximate",
        num_embeds_ada_norm: int = 1000,
        norm_elementwise_affine: bool = False,
        norm_eps: float = 1e-6,
        caption_channels: int = 4096,
        video_length: int = 17,
        model_max_length: int = 300,
        interpolation_scale_1d: float | None = None,
        patch_size_t: int = 1,
        num_vector_embeds: int | None = None,
        only_cross_attention: bool = False,
        double_self_attention: bool = False,
        upcast_attention: bool = False,
        norm_type: str = "ada_norm_single",
        attention_type: str = "default",
        use_rope: bool = False,
        compress_kv_factor: int = 1,
        attention_mode: str = "xformers",
        norm_num_groups: int = 32,
        use_linear_projection: bool = False,
        rope_scaling_type: str = "linear",
    ) -> None:
        super().__init__()
        for name, only in ONLY.items():
            if self.config[name] != only:
                raise ValueError(f"{name}: must be {only}, got {self.config[name]!r}")
        if len(set(sample_size)) != 1:
            raise ValueError(f"sample_size: must be a square, got {list(sample_size)}")
        width = num_attention_heads * attention_head_dim

        def block(text_width: int | None) -> BasicTransformerBlock:
            return BasicTransformerBlock(
                width,
                num_attention_heads,
                attention_head_dim,
                dropout=dropout,
                cross_attention_dim=text_width,
                activation_fn=activation_fn,
                num_embeds_ada_norm=num_embeds_ada_norm,
                attention_bias=attention_bias,
                norm_type=norm_type,
                norm_elementwise_affine=norm_elementwise_affine,
                norm_eps=norm_eps,
            )

        self.pos_embed = PatchEmbed(
            height=sample_size[0],
            width=sample_size[1],
            patch_size=patch_size,
            in_channels=in_channels,
            embed_dim=width,
            interpolation_scale=max(sample_size[0] // 64, 1),
        )
        self.transformer_blocks = nn.ModuleList(
            block(cross_attention_dim) for _ in range(num_layers)
        )
        self.temporal_transformer_blocks = nn.ModuleList(block(None) for _ in range(num_layers))
        self.norm_out = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.scale_shift_table = nn.Parameter(torch.randn(2, width) / width**0.5)
        self.proj_out = nn.Linear(width, patch_size**2 * out_channels)
        self.adaln_single = AdaLayerNormSingle(width, use_additional_conditions=False)
        self.caption_projection = PixArtAlphaTextProjection(caption_channels, width)
        # In every checkpoint; upstream used it to drop captions while training.
        self.caption_projection.register_buffer(
            "y_embedding", torch.randn(120, caption_channels) / caption_channels**0.5
        )
        self.register_buffer(
            "temp_pos_embed",
            temporal_positions(width, video_length, interpolation_scale_1d),
            persistent=False,
        )

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        enable_temporal_attentions: bool = True,
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[torch.Tensor]:
        """Predict the noise in latents.

        Args:
            hidden_states: latents (B, C, F, H, W); H and W multiples of the patch size, F the
                model's `video_length` where temporal blocks are used.
            timestep: (B,), 0 to 1000.
            encoder_hidden_states: text features (B, L, caption_channels).
            attention_mask: (B, F, H, W), 1 = keep, 0 = drop; for self-attention in spatial blocks.
                A token is kept if any of its pixels is.
            encoder_attention_mask: (B, L), 1 = keep, 0 = drop. The sampler passes none.
            enable_temporal_attentions: False leaves temporal blocks and positions out.
            return_dict: False = a tuple.

        Returns:
            `sample`: (B, out_channels, F, H, W).

        Raises:
            ValueError: if the number of frames or the frame size does not fit.
        """
        batch, _, frames, height, width = hidden_states.shape
        self._check_size(frames, height, width, enable_temporal_attentions)
        images = hidden_states.to(self.dtype).transpose(1, 2).flatten(0, 1)
        hidden = self.pos_embed(images)
        tokens = hidden.shape[1]
        modulation, embedded_time = self.adaln_single(
            timestep, batch_size=batch, hidden_dtype=hidden.dtype
        )
        text = self.caption_projection(encoder_hidden_states.to(self.dtype))
        text = text.repeat_interleave(frames, dim=0)
        text_bias = None
        if encoder_attention_mask is not None:
            text_bias = _bias(encoder_attention_mask, self.dtype).repeat_interleave(frames, dim=0)
        pixel_bias = None
        if attention_mask is not None:
            kept = F.max_pool2d(attention_mask.flatten(0, 1)[:, None], self.config.patch_size)
            pixel_bias = _bias(kept.flatten(1), self.dtype)
        spatial_modulation = modulation.repeat_interleave(frames, dim=0)
        temporal_modulation = modulation.repeat_interleave(tokens, dim=0)

        for index, (spatial, temporal) in enumerate(
            zip(self.transformer_blocks, self.temporal_transformer_blocks, strict=True)
        ):
            hidden = spatial(hidden, pixel_bias, text, text_bias, spatial_modulation)
            if not enable_temporal_attentions:
                continue
            hidden = hidden.unflatten(0, (batch, frames)).transpose(1, 2).flatten(0, 1)
            if index == 0:
                hidden = hidden + self.temp_pos_embed.to(hidden)
            hidden = temporal(hidden, timestep=temporal_modulation)
            hidden = hidden.unflatten(0, (batch, tokens)).transpose(1, 2).flatten(0, 1)

        embedded_time = embedded_time.repeat_interleave(frames, dim=0)
        shift, scale = (self.scale_shift_table[None] + embedded_time[:, None]).chunk(2, dim=1)
        hidden = self.proj_out(self.norm_out(hidden) * (1 + scale) + shift)
        output = self._unpatchify(hidden, batch, height, width)
        return Transformer2DModelOutput(sample=output) if return_dict else (output,)

    def _check_size(self, frames: int, height: int, width: int, temporal: bool) -> None:
        patch = self.config.patch_size
        if height % patch or width % patch:
            raise ValueError(
                f"hidden_states: height and width must be multiples of {patch}, "
                f"got {height} x {width}"
            )
        positions = self.temp_pos_embed.shape[1]
        if temporal and frames != positions:
            raise ValueError(
                f"hidden_states: the model is for {positions} latent frames, got {frames}"
            )

    def _unpatchify(
        self, hidden: torch.Tensor, batch: int, height: int, width: int
    ) -> torch.Tensor:
        """(B F, tokens, patch patch C) to (B, C, F, H, W)."""
        patch = self.config.patch_size
        patches = hidden.unflatten(2, (patch, patch, self.config.out_channels))
        patches = patches.unflatten(1, (height // patch, width // patch)).unflatten(0, (batch, -1))
        # (B, F, h, w, p, q, C) -> (B, C, F, h, p, w, q)
        return patches.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4).contiguous()


def temporal_positions(width: int, frames: int, scale: float | None = None) -> torch.Tensor:
    """Sinusoidal positions of latent frames, (1, frames, width), float32.

    Args:
        width: of the model.
        frames: number of latent frames.
        scale: what positions are divided by; None = by frames / 16, rounded down, at least 1,
            where the first frame of an odd number, an image by itself, does not count.
    """
    if scale is None:
        scale = max((frames - frames % 2) // 16, 1)
    positions = torch.arange(frames) / scale
    return get_1d_sincos_pos_embed_from_grid(width, positions).float()[None]


def _bias(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(B, keys) with 1 = keep to (B, 1, keys) to be added to scores."""
    return ((1 - mask.to(dtype)) * MASKED)[:, None]
