"""The two objects: their silhouettes, their patterns and their paths, batched in torch.

Objects move in the frame, whatever the camera does: a direction is that of the object on the
screen, and its size never changes. So the camera moves the photograph alone, and each of the ten
attributes of a caption has one visible effect that does not depend on the others.
"""

from __future__ import annotations

import torch

from pab_bench.minis.crossing.camera import SIDE
from pab_bench.minis.crossing.captions import DIRECTIONS

COLOUR_RGB = {
    "red": (0.95, 0.10, 0.10),
    "green": (0.15, 0.95, 0.25),
    "blue": (0.15, 0.30, 1.00),
    "yellow": (1.00, 0.90, 0.10),
    "purple": (0.75, 0.20, 0.95),
    "white": (1.00, 1.00, 1.00),
}
DARKER = 0.35
"""Stripes and spots have the object's colour times this."""
HALF_SIDE = {"circle": 10.0, "square": 9.0, "triangle": 11.5}
"""Half the side of the bounding box in pixels: boxes of 18 to 23, areas of 265 to 324."""
HEADING = {"right": (1.0, 0.0), "left": (-1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
TRAVEL = 40.0
"""Distance between an object's centre in the first and in the last frame, in pixels."""
PERIOD = 6.5
"""Distance between stripes and between spots, in pixels."""
SPOT_RADIUS = 2.1


def coverage(shape: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How much of each pixel a shape covers, in [0, 1].

    Args:
        shape: "circle", "square" or "triangle" (its apex on top).
        x: the pixels' horizontal distances from the middle of the shape's box.
        y: their vertical ones, downwards; broadcast with `x`.
    """
    half = HALF_SIDE[shape]
    if shape == "circle":
        distance = torch.sqrt(x**2 + y**2) - half
    elif shape == "square":
        distance = torch.maximum(x.abs(), y.abs()) - half
    else:
        distance = torch.maximum((2 * x.abs() - y - half) / 5**0.5, y - half)
    return (0.5 - distance).clamp_(0, 1)


def shade(pattern: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What the colour of an object is multiplied with at each pixel, in [DARKER, 1].

    The pattern is fixed to the object: arguments as in `coverage`. Stripes are horizontal, half
    as wide as `PERIOD`; spots form a square grid with one in the middle.
    """
    if pattern == "plain":
        return torch.ones_like(x + y)
    dy = y - PERIOD * torch.round(y / PERIOD)
    if pattern == "striped":
        distance = dy.abs() - PERIOD / 4 + torch.zeros_like(x)
    else:
        dx = x - PERIOD * torch.round(x / PERIOD)
        distance = torch.sqrt(dx**2 + dy**2) - SPOT_RADIUS
    return 1 - (1 - DARKER) * (0.5 - distance).clamp_(0, 1)


def object_path(
    direction: torch.Tensor, offset: torch.Tensor, progress: torch.Tensor
) -> torch.Tensor:
    """Centres (x, y) of objects over time in pixels, (clips, frames, 2).

    Args:
        direction: (clips,) indices of `DIRECTIONS`.
        offset: (clips, 2), where the object is at mid-clip, from the middle of the frame.
        progress: (frames,) time from -0.5 to 0.5.
    """
    heading = torch.tensor([HEADING[name] for name in DIRECTIONS])[direction]
    return (SIDE - 1) / 2 + offset[:, None] + TRAVEL * heading[:, None] * progress[:, None]
