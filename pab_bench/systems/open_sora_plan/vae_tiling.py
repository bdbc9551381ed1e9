"""Coding a video in overlapping pieces, where memory does not suffice for the whole.

Tiles change the result: normalisation and attention see one tile only.

Source: Open-Sora-Plan v1.1.0, `modeling_causalvae.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

Coder = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Tiling:
    """Sizes of a tile in pixels and video frames, and of the latents that belong to it.

    Attributes:
        sample_size: height and width in pixels.
        latent_size: height and width in latent pixels.
        sample_frames: video frames.
        latent_frames: latent frames.
        overlap: share of height and width by which neighbouring tiles overlap, 0 <= overlap < 1.
            In time they share one frame.
    """

    sample_size: int = 256
    latent_size: int = 32
    sample_frames: int = 65
    latent_frames: int = 17
    overlap: float = 0.25

    def __post_init__(self) -> None:
        """Refuse tiles that do not advance."""
        for name in ("sample_frames", "latent_frames"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name}: must be at least 2, got {getattr(self, name)}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap: must be at least 0 and below 1, got {self.overlap}")
        for name in ("sample_size", "latent_size"):
            if int(getattr(self, name) * (1 - self.overlap)) < 1:
                raise ValueError(f"{name}: too small, got {getattr(self, name)}")

    def joins(self) -> bool:
        """Whether coded tiles lie side by side: upstream rounds positions and crops apart."""

        def fits(size: int, coded: int) -> bool:
            stride, kept = int(size * (1 - self.overlap)), coded - int(coded * self.overlap)
            return stride * coded == kept * size

        return fits(self.sample_size, self.latent_size) and fits(self.latent_size, self.sample_size)


RELEASED_TILING = Tiling()
"""Open-Sora-Plan's: 65 x 512 x 512 in 3 x 3 tiles of all frames."""

VIDEOSYS_TILING = Tiling(sample_size=512, latent_size=64, sample_frames=29, latent_frames=8)
"""That of VideoSys, in which PAB was measured: 65 x 512 x 512 in three pieces of time."""


def chunks_of_time(frames: int, length: int) -> list[tuple[int, int]]:
    """[start, end) of pieces of at most `length` frames, each sharing one with the next.

    Example:
        >>> chunks_of_time(17, 8)
        [(0, 8), (7, 15), (14, 17)]
    """
    starts = range(0, max(frames - 1, 1), length - 1)
    return [(start, min(start + length, frames)) for start in starts]


def code_in_tiles(
    video: torch.Tensor,
    coder: Coder,
    length: int,
    size: int,
    coded_size: int,
    overlap: float,
) -> torch.Tensor:
    """Apply `coder` to pieces of `video` (B, C, F, H, W) and join what comes out.

    Args:
        video: what is coded; pixels or latents.
        coder: codes one piece.
        length: frames of a piece.
        size: height and width of a piece.
        coded_size: height and width of a coded piece.
        overlap: share of both by which neighbours overlap.
    """
    parts = []
    for start, end in chunks_of_time(video.shape[2], length):
        part = _code_in_spatial_tiles(video[:, :, start:end], coder, size, coded_size, overlap)
        parts.append(part if start == 0 else part[:, :, 1:])
    return torch.cat(parts, dim=2)


def _code_in_spatial_tiles(
    video: torch.Tensor, coder: Coder, size: int, coded_size: int, overlap: float
) -> torch.Tensor:
    stride = int(size * (1 - overlap))
    extent = int(coded_size * overlap)
    rows = [
        [
            coder(video[..., top : top + size, left : left + size])
            for left in range(0, video.shape[4], stride)
        ]
        for top in range(0, video.shape[3], stride)
    ]
    kept = coded_size - extent
    joined = []
    for i, row in enumerate(rows):
        # A tile fades in from neighbours that have themselves been blended already.
        for j, tile in enumerate(row):
            if i > 0:
                _fade_in(rows[i - 1][j], tile, extent, 3)
            if j > 0:
                _fade_in(row[j - 1], tile, extent, 4)
        joined.append(torch.cat([tile[..., :kept, :kept] for tile in row], dim=4))
    return torch.cat(joined, dim=3)


def _fade_in(before: torch.Tensor, tile: torch.Tensor, extent: int, dim: int) -> None:
    """Blend the end of `before` linearly into the beginning of `tile`, in place."""
    extent = min(before.shape[dim], tile.shape[dim], extent)
    weight = torch.arange(extent, dtype=torch.float64).div(max(extent, 1)).to(tile)
    weight = weight[:, None] if dim == 3 else weight
    end = before.narrow(dim, before.shape[dim] - extent, extent)
    beginning = tile.narrow(dim, 0, extent)
    beginning.copy_(end * (1 - weight) + beginning * weight)
