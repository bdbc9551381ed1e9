"""Reads the ten attributes off a video by fitting the known world: no classifier is trained.

First the scenery, a photograph and a camera; then, for every colour, the path along which the video
has that colour before the scenery; then shape and pattern by the drawings that fit; last, which
object covers the other where they cross. `validate` tells how often the checker is right on
rendered videos, whose captions are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pab_bench.minis.crossing.camera import SIDE
from pab_bench.minis.crossing.captions import ATTRIBUTES, CrossingCaption
from pab_bench.minis.crossing.checker_looks import read_look
from pab_bench.minis.crossing.checker_paths import find_paths
from pab_bench.minis.crossing.checker_scenery import read_scenery
from pab_bench.minis.crossing.objects import COLOUR_RGB, coverage, shade
from pab_bench.minis.crossing.render import render

_FEWEST_FRAMES = 9
_CROSSING = 0.25
"""Frames nearer to mid-clip than this, as a share of the clip, tell which object is in front."""


@dataclass(frozen=True)
class CrossingReading:
    """What the checker sees; an attribute is None where it sees no object.

    A single object is called the front one.
    """

    front_colour: str | None
    front_pattern: str | None
    front_shape: str | None
    front_direction: str | None
    back_colour: str | None
    back_pattern: str | None
    back_shape: str | None
    back_direction: str | None
    background: str
    camera: str

    def agrees(self, caption: CrossingCaption) -> dict[str, bool]:
        """Which of the ten attributes are those of `caption`."""
        return {name: getattr(self, name) == getattr(caption, name) for name in ATTRIBUTES}


_NOTHING = (None, None, None, None)


@dataclass(frozen=True)
class _Object:
    colour: str
    pattern: str
    shape: str
    direction: str
    centres: torch.Tensor

    @property
    def attributes(self) -> tuple[str, str, str, str]:
        return self.colour, self.pattern, self.shape, self.direction


def read_video(video: torch.Tensor) -> CrossingReading:
    """Read a video of shape (frames, 64, 64, 3), RGB as floats in [0, 1], of at least 9 frames."""
    if not video.is_floating_point():
        raise ValueError(f"video: expected floats in [0, 1], got {video.dtype}")
    if video.ndim != 4 or video.shape[1:] != (SIDE, SIDE, 3) or len(video) < _FEWEST_FRAMES:
        wanted = f"({_FEWEST_FRAMES} or more frames, {SIDE}, {SIDE}, 3)"
        raise ValueError(f"video: expected {wanted}, got {tuple(video.shape)}")
    video = video.float().cpu()
    scenery = read_scenery(video)
    paths = find_paths(video, scenery.video)
    objects = []
    for i, path in enumerate(paths):
        other = paths[1 - i] if len(paths) == 2 else None
        shape, pattern, centres = read_look(video, scenery.video, path, other)
        objects.append(_Object(path.colour, pattern, shape, path.direction, centres))
    if len(objects) == 2 and _covers(video, objects[1], objects[0]):
        objects.reverse()
    front, back = (*(thing.attributes for thing in objects), _NOTHING, _NOTHING)[:2]
    return CrossingReading(*front, *back, scenery.background, scenery.camera)


def _covers(video: torch.Tensor, one: _Object, other: _Object) -> bool:
    """Whether `one` is what is seen where both are."""
    progress = torch.linspace(-0.5, 0.5, len(video))
    frames = (progress.abs() <= _CROSSING).nonzero()[:, 0]
    both = torch.ones(len(frames), SIDE, SIDE)
    errors = []
    for thing in (one, other):
        x = torch.arange(SIDE) - thing.centres[frames, 0, None, None]
        y = torch.arange(SIDE)[:, None] - thing.centres[frames, 1, None, None]
        paint = shade(thing.pattern, x, y)[..., None] * torch.tensor(COLOUR_RGB[thing.colour])
        both = both * coverage(thing.shape, x, y)
        errors.append((video[frames] - paint).square().sum(-1))
    return bool((both * errors[0]).sum() < (both * errors[1]).sum())


def hit_rates(readings: list[CrossingReading], captions: list[CrossingCaption]) -> dict[str, float]:
    """Share of videos whose attribute is the caption's, per attribute and for `all` ten."""
    hits = [r.agrees(c) for r, c in zip(readings, captions, strict=True)]
    rates = {name: sum(h[name] for h in hits) / len(hits) for name in ATTRIBUTES}
    return {**rates, "all": sum(all(h.values()) for h in hits) / len(hits)}


def validate(captions: list[CrossingCaption], seed: int = 0) -> dict[str, float]:
    """The checker's hit rates on rendered videos of `captions`, in eight bits a channel."""
    generator = np.random.Generator(np.random.PCG64(seed))
    readings = []
    for caption in captions:
        video = render([caption], generator).video[0]
        readings.append(read_video((video * 255).round() / 255))
    return hit_rates(readings, captions)
