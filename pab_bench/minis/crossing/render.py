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

from pab_bench.minis.crossing.camera import SIDE as SIDE
from pab_bench.minis.crossing.camera import scenery
from pab_bench.minis.crossing.captions import (
    ATTRIBUTES,
    COLOURS,
    PATTERNS,
    SHAPES,
    CrossingCaption,
    draw_caption,
)
from pab_bench.minis.crossing.objects import COLOUR_RGB, coverage, object_path, shade

FRAMES = 17
"""Frames of a clip: one, and four for each further latent frame."""
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
    background, camera = column["background"].to(device), column["camera"].to(device)
    crop = jitter[:, 6:8].to(device)
    light = 1 + jitter[:, 8].to(device)
    video = (
        scenery(background, camera, crop, progress.to(device)) * light[:, None, None, None, None]
    )
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
