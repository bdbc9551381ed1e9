"""MUSIQ (Ke et al. 2021), a judge of image quality at three sizes, by the names of its weights.

The network is the one of IQA-PyTorch, which VBench uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from pab_bench.metrics.networks.loading import count

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State

PATCH = 32
LONGER_SIDES = (224, 384)
"""Sizes in which an image is seen beside its own."""
HEAD = 64
MASKED = -1e3


class Musiq(nn.Module):
    """From an image to its quality, 0..100 with the weights of SPAQ.

    Args:
        width: of a token.
        hidden: width of the MLPs.
        depth: number of blocks.
        heads: number of attention heads.
        grid: positions are told apart on a grid of so many by so many.
    """

    def __init__(self, width: int, hidden: int, depth: int, heads: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.conv_root = _Conv(3, 64, 7, 2)
        self.gn_root = nn.GroupNorm(32, 64, eps=1e-6)
        self.block1 = _Bottleneck()
        self.embedding = nn.Linear(256 * (PATCH // 4) ** 2, width)
        self.transformer_encoder = _Encoder(width, hidden, depth, heads, grid)
        self.head = nn.Linear(width, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Quality, a scalar, of an image of shape (1, 3, height, width), samples in [0, 1]."""
        image = 2 * image - 1
        height, width = image.shape[-2:]
        patches, positions, scales, present = [], [], [], []
        for scale, longer in enumerate((*LONGER_SIDES, None)):
            seen = image
            if longer is not None:
                ratio = longer / max(height, width)
                size = round(height * ratio), round(width * ratio)
                seen = functional.interpolate(image, size, mode="bicubic")
            cut, places = self._cut(seen)
            most = len(cut) if longer is None else (-(-longer // PATCH)) ** 2
            # Patches of a side's full square are reckoned with; those beyond the image are blank.
            blank = most - len(cut)
            patches.append(functional.pad(cut, (0, 0, 0, 0, 0, 0, 0, blank)))
            positions.append(functional.pad(places, (0, blank)))
            there = places.new_ones(len(cut))
            scales.append(functional.pad(there * scale, (0, blank)))
            present.append(functional.pad(there, (0, blank)))
        tokens = self._tokens(torch.cat(patches))
        seen_tokens = self.transformer_encoder(
            tokens, torch.cat(positions), torch.cat(scales), torch.cat(present).bool()
        )
        quality: torch.Tensor = self.head(seen_tokens[0])
        return quality[0]

    def _cut(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Patches, shape (patches, 3, 32, 32), and the number of each one's place on the grid."""
        image = _same_padding(image, PATCH, PATCH)
        rows, columns = (side // PATCH for side in image.shape[-2:])
        patches = functional.unfold(image, PATCH, stride=PATCH)[0].T.reshape(-1, 3, PATCH, PATCH)
        down, across = (self._hashed(n, image) for n in (rows, columns))
        return patches, (down[:, None] * self.grid + across).flatten().long()

    def _hashed(self, count: int, like: torch.Tensor) -> torch.Tensor:
        numbers = torch.arange(self.grid, dtype=like.dtype, device=like.device)
        return functional.interpolate(numbers[None, None], count, mode="nearest")[0, 0]

    def _tokens(self, patches: torch.Tensor) -> torch.Tensor:
        maps = functional.relu(self.gn_root(self.conv_root(patches)))
        maps = functional.max_pool2d(_same_padding(maps, 3, 2), 3, 2)
        # The weights come from a program that keeps channels last.
        result: torch.Tensor = self.embedding(self.block1(maps).permute(0, 2, 3, 1).flatten(1))
        return result


class _Conv(nn.Conv2d):
    """A convolution with standardised weights and output of ceil(side / stride)."""

    def __init__(self, inner: int, outer: int, side: int, stride: int = 1) -> None:
        super().__init__(inner, outer, side, stride, bias=False)
        self.side, self.step = side, stride

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        padded = _same_padding(input, self.side, self.step)
        return functional.conv2d(padded, weight, None, self.step)


class _Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.gn1 = _Conv(64, 64, 1), nn.GroupNorm(32, 64, eps=1e-4)
        self.conv2, self.gn2 = _Conv(64, 64, 3), nn.GroupNorm(32, 64, eps=1e-4)
        self.conv3, self.gn3 = _Conv(64, 256, 1), nn.GroupNorm(32, 256, eps=1e-4)
        self.conv_proj, self.gn_proj = _Conv(64, 256, 1), nn.GroupNorm(32, 256, eps=1e-4)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found = functional.relu(self.gn1(self.conv1(maps)))
        found = functional.relu(self.gn2(self.conv2(found)))
        return functional.relu(self.gn3(self.conv3(found)) + self.gn_proj(self.conv_proj(maps)))


class _Encoder(nn.Module):
    def __init__(self, width: int, hidden: int, depth: int, heads: int, grid: int) -> None:
        super().__init__()
        position = nn.Parameter(torch.empty(1, grid * grid, width))
        scale = nn.Parameter(torch.empty(len(LONGER_SIDES) + 1, width))
        self.posembed_input = nn.ParameterDict({"position_emb": position})
        self.scaleembed_input = nn.ParameterDict({"scale_emb": scale})
        self.cls = nn.Parameter(torch.empty(1, 1, width))
        self.transformer = nn.ModuleDict(
            {f"encoderblock_{number}": _Block(width, hidden, heads) for number in range(depth)}
        )
        self.encoder_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        scales: torch.Tensor,
        present: torch.Tensor,
    ) -> torch.Tensor:
        tokens = tokens + self.posembed_input["position_emb"][0, positions]
        tokens = tokens + self.scaleembed_input["scale_emb"][scales]
        tokens = torch.cat([self.cls[0], tokens])
        present = functional.pad(present, (1, 0), value=True)
        # A blank token sees all others alike, as in the original; nobody looks at it.
        both = present[:, None] & present[None, :]
        bias = torch.zeros_like(both, dtype=tokens.dtype)
        for block in self.transformer.values():
            tokens = block(tokens, both, bias)
        result: torch.Tensor = self.encoder_norm(tokens)
        return result


class _Block(nn.Module):
    def __init__(self, width: int, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        names = ("query", "key", "value", "out")
        self.attention = nn.ModuleDict({name: nn.Linear(width, width) for name in names})
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, tokens: torch.Tensor, both: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        normed = self.norm1(tokens)
        query, key, value = (
            self.attention[name](normed).unflatten(-1, (self.heads, -1)).transpose(0, 1)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(1, 2) * query.shape[-1] ** -0.5 + bias
        seen = scores.masked_fill(~both, MASKED).softmax(-1) @ value
        tokens = tokens + self.attention["out"](seen.transpose(0, 1).flatten(1))
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(tokens)))
        return tokens + self.mlp["fc2"](hidden)


def _same_padding(maps: torch.Tensor, side: int, stride: int) -> torch.Tensor:
    """Zeros around, so that a window leaves ceil(side / stride), the odd one below and right."""
    down, across = (
        max(0, (-(-length // stride) - 1) * stride + side - length) for length in maps.shape[-2:]
    )
    top, left = down // 2, across // 2
    return functional.pad(maps, (left, across - left, top, down - top))


def musiq(state: State, heads: int | None = None) -> Musiq:
    """A network in the shape of published weights that give one number."""
    width = state["head.weight"].shape[1]
    encoder = "transformer_encoder."
    return Musiq(
        width,
        state[f"{encoder}transformer.encoderblock_0.mlp.fc1.weight"].shape[0],
        count(state, f"{encoder}transformer."),
        heads or width // HEAD,
        int(state[f"{encoder}posembed_input.position_emb"].shape[1] ** 0.5),
    )
