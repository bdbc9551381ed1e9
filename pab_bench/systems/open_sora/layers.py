"""The layers of STDiT3: embeddings, attention with normalised queries and keys, MLP."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class QueryKeyNorm(nn.Module):
    """Root-mean-square norm over a head's channels, computed in float32 (eps 1e-6)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (..., channels)."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


class RotaryEmbedding(nn.Module):
    """Rotary position embedding over interleaved channel pairs (0, 1), (2, 3), ...

    The frequencies are a frozen parameter since the released checkpoint contains them; a model in
    bfloat16 therefore rotates by angles in bfloat16, as upstream does.
    """

    def __init__(self, channels: int, theta: float = 10000.0) -> None:
        super().__init__()
        exponents = torch.arange(0, channels, 2, dtype=torch.float32) / channels
        self.freqs = nn.Parameter(theta**-exponents, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rotate (..., length, channels) by the positions 0 to length - 1."""
        positions = torch.arange(x.shape[-2], device=x.device, dtype=self.freqs.dtype)
        angles = torch.outer(positions, self.freqs)
        cos, sin = angles.cos(), angles.sin()
        even, odd = x[..., 0::2], x[..., 1::2]
        rotated = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
        return rotated.flatten(-2).to(x.dtype)


class SelfAttention(nn.Module):
    """Multi-head self-attention over the second to last axis.

    Args:
        channels: width of the tokens.
        heads: number of heads.
        normalise: normalise queries and keys per head.
    """

    def __init__(self, channels: int, heads: int, normalise: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        per_head = channels // heads
        self.q_norm = QueryKeyNorm(per_head) if normalise else nn.Identity()
        self.k_norm = QueryKeyNorm(per_head) if normalise else nn.Identity()
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor, rope: nn.Module | None = None) -> torch.Tensor:
        """Attend within each row of (rows, length, channels); `rope` comes after the norms."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q), self.k_norm(k)
        if rope is not None:
            q, k = rope(q), rope(k)
        attended = F.scaled_dot_product_attention(q, k, v)
        return self.proj(attended.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention from video tokens to text tokens."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_linear = nn.Linear(channels, channels)
        self.kv_linear = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(
        self, x: torch.Tensor, text: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Attend from (batch, tokens, channels) to (batch, words, channels).

        `mask` is boolean, (batch, 1, 1, words), True where a word may be attended to.
        """
        q = self.q_linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv_linear(text).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(attended.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers with the tanh approximation of GELU between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform (..., inputs) to (..., outputs)."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class PatchEmbedding(nn.Module):
    """Cuts (batch, channels, frames, height, width) into patches and embeds them."""

    def __init__(self, patch: tuple[int, int, int], inputs: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(inputs, channels, kernel_size=patch, stride=patch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (batch, frames * rows * columns, channels), column fastest."""
        return self.proj(x).flatten(2).transpose(1, 2)


class ScalarEmbedding(nn.Module):
    """A number (timestep, frames per second) as cosines and sines, then a small network."""

    WAVES = 256

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(self.WAVES, channels), nn.SiLU(), nn.Linear(channels, channels)
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Embed (batch,) numbers to (batch, channels)."""
        half = self.WAVES // 2
        exponents = -math.log(10000.0) * torch.arange(half, device=values.device) / half
        # Rounded from float64: float32 exponentials differ in the last digit between processors,
        # and a timestep near 1000 makes that visible.
        frequencies = torch.exp(exponents.double()).float()
        angles = values.float()[:, None] * frequencies
        waves = torch.cat((angles.cos(), angles.sin()), dim=-1)
        return self.mlp(waves.to(self.mlp.get_parameter("0.weight").dtype))


class CaptionEmbedding(nn.Module):
    """Projects the text encoder's output and holds the embedding of "no caption".

    `y_embedding`, (words, text width), stands for the text in the unconditional half of
    classifier-free guidance. It is a buffer: upstream never trains it.
    """

    y_embedding: torch.Tensor

    def __init__(self, text_width: int, channels: int, words: int) -> None:
        super().__init__()
        self.y_proj = Mlp(text_width, channels, channels)
        self.register_buffer("y_embedding", torch.randn(words, text_width) / text_width**0.5)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Project (batch, words, text width)."""
        return self.y_proj(text)


class FinalLayer(nn.Module):
    """Modulated norm and projection to the values of a patch."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6, elementwise_affine=False)
        self.linear = nn.Linear(channels, outputs)
        self.scale_shift_table = nn.Parameter(torch.randn(2, channels) / channels**0.5)

    def forward(self, x: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        """Map tokens (batch, tokens, channels), conditioned by (batch, channels)."""
        shift, scale = (self.scale_shift_table[None] + conditioning[:, None]).chunk(2, dim=1)
        return self.linear(self.norm(x) * (1 + scale) + shift)


def position_embedding(
    channels: int, rows: int, columns: int, scale: float, device: torch.device
) -> torch.Tensor:
    """Sine-cosine embedding of a grid of patches, stretched to a common span.

    Args:
        channels: width of the tokens, divisible by 4.
        rows: patches vertically.
        columns: patches horizontally.
        scale: sqrt(pixel height * pixel width) over the side the model was trained at.
        device: where to put it.

    Returns:
        (1, rows * columns, channels) in float32. The first half of the channels encodes the
        column, the second the row; each half is sines, then cosines.
    """
    base = round((rows * columns) ** 0.5)
    half = channels // 2
    exponents = torch.arange(0, half, 2, dtype=torch.float32, device=device) / half
    frequencies = 1.0 / 10000.0**exponents

    def axis(length: int) -> torch.Tensor:
        positions = torch.arange(length, dtype=torch.float32, device=device) / scale
        angles = torch.outer(positions * (base / length), frequencies)
        return torch.cat((angles.sin(), angles.cos()), dim=-1)

    by_column = axis(columns)[None].expand(rows, columns, half)
    by_row = axis(rows)[:, None].expand(rows, columns, half)
    return torch.cat((by_column, by_row), dim=-1).reshape(1, rows * columns, channels)
