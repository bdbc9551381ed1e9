"""Draws the procedural videos: signed distance functions over palettes, batched in torch.

A clip's object passes the middle of the frame (with jitter) half-way through the clip. So where
the object is in a frame follows from direction, speed and frame index: a motion that a caption
determines, which a small model can learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pab_bench.minis.captions import Caption, split_captions

FRAMES = 16
SIDE = 64
"""Frames of the embedded Latte's clips; height and width of a frame in pixels."""

COLOUR_RGB = {
    "red": (0.90, 0.10, 0.10),
    "green": (0.10, 0.75, 0.15),
    "blue": (0.10, 0.20, 0.95),
    "yellow": (0.95, 0.85, 0.10),
    "purple": (0.65, 0.15, 0.80),
    "white": (1.00, 1.00, 1.00),
}
HALF_SIDE = {"small": 7.5, "large": 13.0}
"""Half the side of an object's bounding box, in pixels."""
TRAVEL = {"slowly": 14.0, "quickly": 36.0}
"""Distance between the object's centre in the first and the last frame, in pixels."""
HEADING = {"right": (1.0, 0.0), "left": (-1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
JITTER = 3.0
"""Largest offset of the mid-clip centre from the middle of the frame, per axis, in pixels."""


def background_image(name: str) -> torch.Tensor:
    """The background `name` as an image of shape (SIDE, SIDE, 3) in [0, 1]."""
    flat = {
        "black": (0.03, 0.03, 0.03),
        "gray": (0.50, 0.50, 0.50),
        "brown": (0.40, 0.25, 0.10),
        "teal": (0.00, 0.45, 0.45),
    }
    if name in flat:
        return torch.tensor(flat[name]).expand(SIDE, SIDE, 3).clone()
    if name == "gradient":
        height = torch.linspace(0, 1, SIDE)[:, None, None]
        top, bottom = torch.tensor([0.05, 0.08, 0.25]), torch.tensor([0.50, 0.62, 0.80])
        return (top + (bottom - top) * height).expand(SIDE, SIDE, 3).clone()
    if name == "checkered":
        cell = torch.arange(SIDE) // 16
        light = ((cell[:, None] + cell[None, :]) % 2).float()[..., None]
        return (0.20 + 0.18 * light).expand(SIDE, SIDE, 3).clone()
    raise ValueError(f"background {name!r}: allowed are {[*flat, 'gradient', 'checkered']}")


def _distance(
    shape: str, x: torch.Tensor, y: torch.Tensor, half: torch.Tensor | float
) -> torch.Tensor:
    """Signed distance in pixels (negative inside) of points (x, y) to a shape at the origin."""
    if shape == "circle":
        return torch.sqrt(x**2 + y**2) - half
    if shape == "square":
        return torch.maximum(x.abs(), y.abs()) - half
    # A triangle with its apex on top that fills half of its bounding box.
    slope = (2 * x.abs() - y - half) / 5**0.5
    return torch.maximum(slope, y - half)


def silhouette(
    shape: str, x: torch.Tensor, y: torch.Tensor, half: torch.Tensor | float
) -> torch.Tensor:
    """How much of each pixel a shape covers, in [0, 1].

    Args:
        shape: one of `SHAPES`.
        x: the pixels' horizontal distances from the middle of the shape's box.
        y: their vertical ones, downwards; broadcast with `x`.
        half: half the side of the box.
    """
    return (0.5 - _distance(shape, x, y, half)).clamp(0, 1)


@dataclass(frozen=True)
class Clips:
    """A batch of rendered clips.

    Attributes:
        video: (clips, frames, SIDE, SIDE, 3) float32 in [0, 1].
        mask: (clips, frames, SIDE, SIDE) float32 in [0, 1], the object's coverage.
        captions: one per clip.
    """

    video: torch.Tensor
    mask: torch.Tensor
    captions: list[Caption]


def render(
    captions: Sequence[Caption],
    generator: np.random.Generator,
    frames: Sequence[int] | None = None,
    length: int = FRAMES,
) -> Clips:
    """Draw one clip per caption; `generator` decides each clip's jitter.

    Args:
        captions: what to draw.
        generator: source of the jitter, two numbers a clip.
        frames: indices of the frames to draw, all of them by default.
        length: frames of the whole clip; the object's path does not depend on it.
    """
    count = len(captions)
    jitter = torch.from_numpy(generator.uniform(-JITTER, JITTER, (count, 2))).float()
    heading = torch.tensor([HEADING[c.direction] for c in captions])
    travel = torch.tensor([TRAVEL[c.speed] for c in captions])
    half = torch.tensor([HALF_SIDE[c.size] for c in captions])
    progress = torch.linspace(-0.5, 0.5, length)
    if frames is not None:
        progress = progress[list(frames)]

    path = (heading * travel[:, None])[:, None] * progress[:, None]
    centre = (SIDE - 1) / 2 + jitter[:, None] + path
    pixel = torch.arange(SIDE, dtype=torch.float32)
    video = torch.empty(count, len(progress), SIDE, SIDE, 3)
    mask = torch.empty(count, len(progress), SIDE, SIDE)
    for i, caption in enumerate(captions):
        x = pixel[None, None, :] - centre[i, :, 0, None, None]
        y = pixel[None, :, None] - centre[i, :, 1, None, None]
        mask[i] = silhouette(caption.shape, x, y, half[i])
        colour = torch.tensor(COLOUR_RGB[caption.colour])
        background = background_image(caption.background)
        video[i] = background + mask[i, ..., None] * (colour - background)
    return Clips(video, mask, list(captions))


def sample_clips(
    count: int,
    seed: int,
    index: int,
    frames: Sequence[int] | None = None,
    length: int = FRAMES,
) -> Clips:
    """Draw `count` training clips; (seed, index) determines them, on every machine."""
    generator = np.random.Generator(np.random.PCG64([seed, index]))
    train, _ = split_captions()
    chosen = generator.integers(0, len(train), count)
    return render([train[int(i)] for i in chosen], generator, frames, length)
