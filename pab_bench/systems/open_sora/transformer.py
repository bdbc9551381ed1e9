"""STDiT3, the transformer of Open-Sora 1.2 (hpcaitech/Open-Sora, `opensora/v1.2`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from torch import nn
from torch.nn import functional as F  # noqa: N812

from pab_bench.systems.open_sora.layers import (
    CaptionEmbedding,
    CrossAttention,
    FinalLayer,
    Mlp,
    PatchEmbedding,
    RotaryEmbedding,
    ScalarEmbedding,
    SelfAttention,
    position_embedding,
)

Site = Literal["attention", "cross", "mlp"]
Branch = Literal["spatial", "temporal"]
Visit = Callable[[Site, Callable[[], torch.Tensor], "torch.Tensor | None"], torch.Tensor]
"""(site, what computes its output before the gate, gate) to what is added to the tokens."""


def compute_now(
    site: Site, compute: Callable[[], torch.Tensor], gate: torch.Tensor | None
) -> torch.Tensor:
    """Every site computes: the model as it is."""
    del site
    output = compute()
    return output if gate is None else gate * output


class STDiT3Block(nn.Module):
    """Self-attention within a frame or along time, cross-attention to the text, MLP.

    Self-attention and MLP are modulated and gated by the timestep, cross-attention is neither
    normalised nor gated.
    """

    def __init__(
        self, channels: int, heads: int, mlp_ratio: float, normalise: bool, branch: Branch
    ) -> None:
        super().__init__()
        self.branch = branch
        self.norm1 = nn.LayerNorm(channels, eps=1e-6, elementwise_affine=False)
        self.attn = SelfAttention(channels, heads, normalise)
        self.cross_attn = CrossAttention(channels, heads)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6, elementwise_affine=False)
        self.mlp = Mlp(channels, int(channels * mlp_ratio), channels)
        self.scale_shift_table = nn.Parameter(torch.randn(6, channels) / channels**0.5)

    def forward(
        self,
        x: torch.Tensor,
        text: torch.Tensor,
        text_mask: torch.Tensor | None,
        modulation: torch.Tensor,
        frames: int,
        rope: nn.Module | None = None,
        visit: Visit = compute_now,
    ) -> torch.Tensor:
        """Transform tokens (batch, frames * patches, channels).

        Args:
            x: the tokens, frame by frame.
            text: (batch, words, channels).
            text_mask: boolean (batch, 1, 1, words); None = all words.
            modulation: (batch, 6 * channels) from the timestep; the block adds its own table.
            frames: number of latent frames.
            rope: rotary embedding, given to temporal blocks.
            visit: called at each of the three sites; the engine of broadcasting sets it.
        """
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = self._parts(x, modulation)

        def attend() -> torch.Tensor:
            modulated = self.norm1(x) * (1 + scale) + shift
            grid = modulated.unflatten(1, (frames, -1))
            if self.branch == "spatial":
                return self.attn(grid.flatten(0, 1)).reshape(x.shape)
            rows = grid.transpose(1, 2)
            attended = self.attn(rows.flatten(0, 1), rope).reshape(rows.shape)
            return attended.transpose(1, 2).reshape(x.shape)

        x = x + visit("attention", attend, gate)
        x = x + visit("cross", lambda: self.cross_attn(x, text, text_mask), None)

        def feed_forward() -> torch.Tensor:
            output: torch.Tensor = self.mlp(self.norm2(x) * (1 + mlp_scale) + mlp_shift)
            return output

        return x + visit("mlp", feed_forward, mlp_gate)

    def modulated_input(
        self,
        x: torch.Tensor,
        text: torch.Tensor,
        text_mask: torch.Tensor | None,
        modulation: torch.Tensor,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """What the self-attention is given where the block is called so: (batch, tokens, channels).

        Args:
            x: as in `forward`.
            text: not used, like all that follows but the modulation.
            text_mask: not used.
            modulation: as in `forward`.
            *args: not used.
            **kwargs: not used.
        """
        del text, text_mask, args, kwargs
        shift, scale = self._parts(x, modulation)[:2]
        modulated: torch.Tensor = self.norm1(x) * (1 + scale) + shift
        return modulated

    def _parts(self, x: torch.Tensor, modulation: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Shift, scale and gate of the attention, then those of the MLP."""
        table = self.scale_shift_table[None] + modulation.reshape(len(x), 6, -1)
        return table.chunk(6, dim=1)


class STDiT3Transformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The spatial-temporal diffusion transformer that predicts Open-Sora's velocity.

    The defaults are the released OpenSora-STDiT-v3 (1.2 billion parameters); the keys of its
    state dict are upstream's.

    Args:
        depth: number of pairs of a spatial and a temporal block.
        hidden_size: width of the tokens, divisible by 4 and by `num_heads`.
        num_heads: attention heads.
        patch_size: (frames, height, width) of a patch of latents.
        in_channels: channels of the latents.
        caption_channels: width of the text encoder.
        model_max_length: words of a prompt.
        mlp_ratio: hidden over outer width of the MLPs.
        qk_norm: normalise queries and keys.
        pred_sigma: the output has twice the channels; the second half is not used.
        input_sq_size: side in pixels at which positions are not stretched.

    Raises:
        ValueError: if `hidden_size` does not divide.
    """

    _no_split_modules: ClassVar[list[str]] = ["STDiT3Block"]

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        depth: int = 28,
        hidden_size: int = 1152,
        num_heads: int = 16,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        in_channels: int = 4,
        caption_channels: int = 4096,
        model_max_length: int = 300,
        mlp_ratio: float = 4.0,
        qk_norm: bool = True,
        pred_sigma: bool = True,
        input_sq_size: int = 512,
    ) -> None:
        super().__init__()
        if hidden_size % 4 or hidden_size % num_heads or hidden_size // num_heads % 2:
            raise ValueError(
                f"hidden_size={hidden_size}: must be divisible by 4 and by num_heads={num_heads}, "
                "and the quotient must be even"
            )
        self.patch = (patch_size[0], patch_size[1], patch_size[2])
        self.out_channels = in_channels * 2 if pred_sigma else in_channels
        self.rope = RotaryEmbedding(hidden_size // num_heads)
        self.x_embedder = PatchEmbedding(self.patch, in_channels, hidden_size)
        self.t_embedder = ScalarEmbedding(hidden_size)
        self.fps_embedder = ScalarEmbedding(hidden_size)
        self.t_block = nn.Sequential(nn.SiLU(), nn.Linear(hidden_size, 6 * hidden_size))
        self.y_embedder = CaptionEmbedding(caption_channels, hidden_size, model_max_length)

        def blocks(branch: Branch) -> nn.ModuleList:
            return nn.ModuleList(
                STDiT3Block(hidden_size, num_heads, mlp_ratio, qk_norm, branch)
                for _ in range(depth)
            )

        self.spatial_blocks = blocks("spatial")
        self.temporal_blocks = blocks("temporal")
        values = self.patch[0] * self.patch[1] * self.patch[2] * self.out_channels
        self.final_layer = FinalLayer(hidden_size, values)

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        encoder_attention_mask: torch.Tensor | None = None,
        fps: torch.Tensor | None = None,
        height: float = 512.0,
        width: float = 512.0,
        return_dict: bool = True,
    ) -> Any:
        """Predict the velocity.

        Args:
            hidden_states: latents (batch, channels, frames, height, width); sides that the patch
                does not divide are padded with zeros and the output is cut.
            timestep: (batch,), 0 to 1000, fractions allowed; 1000 is noise.
            encoder_hidden_states: text features (batch, words, caption_channels).
            encoder_attention_mask: (rows, words), 1 = a word, padding at the right. With fewer
                rows than the batch it is repeated: in classifier-free guidance the unconditional
                half has the mask of the prompt. None = all words.
            fps: (1,) or (batch,) frames per second; None = 24.
            height: of the video, in pixels.
            width: of the video, in pixels.
            return_dict: return an object with the attribute `sample` instead of a tuple.

        Returns:
            float32 (batch, out_channels, frames, height, width); the first `in_channels` are the
            velocity, clean minus noise.
        """
        dtype = self.x_embedder.proj.weight.dtype
        batch, _, *size = hidden_states.shape
        grid = [-(-length // patch) for length, patch in zip(size, self.patch, strict=True)]
        x = self._embed(hidden_states.to(dtype), size, grid, (height * width) ** 0.5)

        fps = torch.full((1,), 24.0, device=x.device) if fps is None else fps
        conditioning = self.t_embedder(timestep.to(dtype)) + self.fps_embedder(
            fps.to(dtype).expand(batch)
        )
        modulation = self.t_block(conditioning)
        text = self.y_embedder(encoder_hidden_states.to(dtype))
        text, text_mask = _visible_words(text, encoder_attention_mask)

        for spatial, temporal in zip(self.spatial_blocks, self.temporal_blocks, strict=True):
            x = spatial(x, text, text_mask, modulation, grid[0])
            x = temporal(x, text, text_mask, modulation, grid[0], self.rope)

        sample = self._unpatchify(self.final_layer(x, conditioning), size, grid).float()
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)

    def _embed(
        self, latents: torch.Tensor, size: list[int], grid: list[int], side: float
    ) -> torch.Tensor:
        padding = []
        for length, count, patch in reversed(list(zip(size, grid, self.patch, strict=True))):
            padding += [0, count * patch - length]
        x = self.x_embedder(F.pad(latents, padding))
        position = position_embedding(
            x.shape[-1], grid[1], grid[2], side / self.config["input_sq_size"], x.device
        ).to(x.dtype)
        return (x.unflatten(1, (grid[0], -1)) + position[:, None]).flatten(1, 2)

    def _unpatchify(self, x: torch.Tensor, size: list[int], grid: list[int]) -> torch.Tensor:
        x = x.reshape(len(x), *grid, *self.patch, self.out_channels)
        x = x.permute(0, 7, 1, 4, 2, 5, 3, 6)
        lengths = [count * patch for count, patch in zip(grid, self.patch, strict=True)]
        x = x.reshape(len(x), self.out_channels, *lengths)
        return x[:, :, : size[0], : size[1], : size[2]]


def _visible_words(
    text: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Cut the padding; a boolean mask is only needed where the rows' lengths differ."""
    if mask is None:
        return text, None
    mask = mask.repeat(len(text) // len(mask), 1).bool()
    lengths = mask.sum(dim=1).tolist()
    longest = max(lengths)
    text = text[:, :longest]
    if min(lengths) == longest:
        return text, None
    return text, mask[:, None, None, :longest]
