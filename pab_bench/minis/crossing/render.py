"""Draws the clips of crossing objects, in batches and on any device.

Half-way through a clip both objects pass one point near the middle of the frame. So where they
are in a frame follows from directions and frame index: a motion that a caption determines, which a
small model can learn. All randomness is a few numbers a clip, drawn on the CPU; a clip depends on
its own numbers only, not on the batch or the device beyond rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import grid_sample

from pab_bench.minis.crossing.captions import (
    ATTRIBUTES,
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    PATTERNS,
    SHAPES,
    CrossingCaption,
    draw_caption,
)
from pab_bench.minis.crossing.objects import COLOUR_RGB, HEADING, TRAVEL, coverage, shade
from pab_bench.minis.crossing.photographs import PHOTOGRAPH_SIDE, all_photographs

FRAMES = 17
SIDE = 64
"""Frames of a clip (four a latent frame and one more); height and width of a frame in pixels."""

PAN = 24.0
"""Distance that the camera pans between the first and the last frame, in pixels."""
ZOOM = 1.25
"""The field of view is so many times larger at one end of a zoom, and smaller at the other."""
CROSSING_JITTER = 2.5
"""Largest offset of the crossing from the middle of the frame, per axis, in pixels."""
OBJECT_JITTER = 1.0
"""Largest additional offset of one object, per axis, in pixels."""
CROP_JITTER = 3.0
"""Largest offset of the mid-clip crop from the middle of its photograph, per axis, in pixels."""
LIGHT_JITTER = 0.06
"""Largest relative change of a photograph's brightness."""
JITTERS = 9
"""Random numbers a clip."""

_LARGEST = np.array(
    [CROSSING_JITTER] * 2 + [OBJECT_JITTER] * 4 + [CROP_JITTER] * 2 + [LIGHT_JITTER]
)


@dataclass(frozen=True)
class Clips:
    """A batch of rendered clips.

    Attributes:
        video: (clips, frames, SIDE, SIDE, 3) float32 in [0, 1].
        mask: (clips, frames, SIDE, SIDE) float32 in [0, 1], coverage by either object.
        captions: one per clip.
    """

    video: torch.Tensor
    mask: torch.Tensor
    captions: list[CrossingCaption]


def camera_path(camera: str, progress: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where a camera looks over time.

    Args:
        camera: one of `CAMERAS`.
        progress: time from -0.5, the first frame, to 0.5, the last one.

    Returns:
        The shift of the crop to the right in pixels and its field of view as a multiple of
        `SIDE`, each of the shape of `progress`.
    """
    shift = {"pans right": PAN, "pans left": -PAN}.get(camera, 0.0) * progress
    sign = {"zooms in": -2.0, "zooms out": 2.0}.get(camera, 0.0)
    return shift, ZOOM ** (sign * progress)


def render(
    captions: Sequence[CrossingCaption],
    generator: np.random.Generator,
    frames: Sequence[int] | None = None,
    length: int = FRAMES,
    device: str = "cpu",
) -> Clips:
    """Draw one clip per caption; `generator` decides each clip's jitter.

    Args:
        captions: what to draw.
        generator: source of the jitter, `JITTERS` numbers a clip.
        frames: indices of the frames to draw, all of them by default.
        length: frames of the whole clip; the paths' ends do not depend on it.
        device: where to draw, and where the clips then are.
    """
    indices = np.array([caption.indices() for caption in captions]).reshape(-1, len(ATTRIBUTES))
    column = dict(zip(ATTRIBUTES, torch.from_numpy(indices).T, strict=True))
    jitter = torch.from_numpy(generator.uniform(-1, 1, (len(captions), JITTERS)) * _LARGEST).float()
    progress = torch.linspace(-0.5, 0.5, length)
    if frames is not None:
        progress = progress[list(frames)]
    video = _background(column, jitter[:, 6:], progress, device)
    uncovered = torch.ones(video.shape[:-1], device=device)
    for depth, own in (("back", jitter[:, 4:6]), ("front", jitter[:, 2:4])):
        look = {name: column[f"{depth}_{name}"] for name in ("colour", "pattern", "shape")}
        centre = object_path(column[f"{depth}_direction"], jitter[:, :2] + own, progress)
        covered, shading = _drawn(look, centre, device)
        colour = torch.tensor([COLOUR_RGB[name] for name in COLOURS])[look["colour"]].to(device)
        paint = shading[..., None] * colour[:, None, None, None]
        video = torch.lerp(video, paint, covered[..., None])
        uncovered *= 1 - covered
    return Clips(video, 1 - uncovered, list(captions))


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


def _drawn(
    look: dict[str, torch.Tensor], centre: torch.Tensor, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Coverage and shade of one object a clip, (clips, frames, SIDE, SIDE) each."""
    pixel = torch.arange(SIDE, device=device)
    moved = centre.to(device)
    x = pixel[None, None, None, :] - moved[..., 0, None, None]
    y = pixel[None, None, :, None] - moved[..., 1, None, None]
    covered = torch.empty(*centre.shape[:2], SIDE, SIDE, device=device)
    shading = torch.empty_like(covered)
    for drawn, values, what, of in (
        (covered, SHAPES, coverage, look["shape"]),
        (shading, PATTERNS, shade, look["pattern"]),
    ):
        for i, value in enumerate(values):
            chosen = (of == i).nonzero()[:, 0].to(device)
            if len(chosen):
                drawn[chosen] = what(value, x[chosen], y[chosen])
    return covered, shading


def _background(
    column: dict[str, torch.Tensor], jitter: torch.Tensor, progress: torch.Tensor, device: str
) -> torch.Tensor:
    """What the camera sees of the photographs, (clips, frames, SIDE, SIDE, 3)."""
    paths = [camera_path(name, progress) for name in CAMERAS]
    shift = torch.stack([path[0] for path in paths])[column["camera"]]
    view = torch.stack([path[1] for path in paths])[column["camera"]]
    photographs = all_photographs(device)
    middle = (PHOTOGRAPH_SIDE - 1) / 2
    pixel = (torch.arange(SIDE, device=device) - (SIDE - 1) / 2)[None, None] * view.to(device)[
        ..., None
    ]
    left = (middle + jitter[:, 0, None] + shift).to(device)
    top = (middle + jitter[:, 1, None] + PHOTOGRAPH_SIDE * column["background"][:, None]).to(device)
    x, y = pixel + left[..., None], pixel + top[..., None]
    x = x * (2 / (photographs.shape[3] - 1)) - 1
    y = y * (2 / (photographs.shape[2] - 1)) - 1
    shape = (*x.shape[:2], SIDE, SIDE)
    grid = torch.stack([x[..., None, :].expand(shape), y[..., :, None].expand(shape)], dim=-1)
    seen = grid_sample(photographs, grid.reshape(1, -1, SIDE, 2), align_corners=True)
    light = (1 + jitter[:, 2]).to(device)[:, None, None, None, None]
    return seen[0].reshape(3, *shape).permute(1, 2, 3, 4, 0) * light


def sample_clips(
    count: int,
    seed: int,
    index: int,
    frames: Sequence[int] | None = None,
    length: int = FRAMES,
    device: str = "cpu",
) -> Clips:
    """Draw `count` training clips; (seed, index) determines them, on every machine."""
    generator = np.random.Generator(np.random.PCG64([seed, index]))
    captions = [draw_caption(generator) for _ in range(count)]
    return render(captions, generator, frames, length, device)
