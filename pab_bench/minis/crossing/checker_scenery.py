"""Reads photograph and camera off a video: the known scenery that fits it best.

All photographs, cameras and a grid of offsets are rendered once, shrunk, and kept. A video is
compared with each of them where it shows no object, up to a factor of brightness.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from pab_bench.minis.crossing.camera import scenery
from pab_bench.minis.crossing.captions import BACKGROUNDS, CAMERAS

_SHRINK = 4
"""Sides of the squares, in pixels, whose means are compared: a model's videos are blurred."""
_COMPARED = 5
"""Frames that are compared, spread over the clip."""
_OFFSETS = torch.linspace(-3.5, 3.5, 8)
"""Places of the mid-clip crop that are tried, per axis, in pixels."""
_LIGHT = (0.8, 1.2)
"""Brightness of a scenery at least and at most, as a multiple of the photograph's."""
_BRIGHT = 0.78
"""Photographs are darker than this in every channel, and objects are not."""


@dataclass(frozen=True)
class Scenery:
    """Photograph and camera of a video.

    Attributes:
        background: one of `BACKGROUNDS`.
        camera: one of `CAMERAS`.
        video: (frames, SIDE, SIDE, 3), what the video would show without objects.
    """

    background: str
    camera: str
    video: torch.Tensor


def read_scenery(video: torch.Tensor) -> Scenery:
    """Find the scenery that fits best to a video of shape (frames, SIDE, SIDE, 3)."""
    frames = _frames(len(video))
    known = _all_sceneries(len(video))
    bright = (video[frames].amax(-1) > _BRIGHT).float()
    weight = 1 - max_pool2d(bright[:, None], 9, stride=1, padding=4)
    share = avg_pool2d(weight, _SHRINK)
    seen = _shrunk(video[frames] * weight.permute(0, 2, 3, 1)) / share.clamp(min=1e-6)
    weights = (share > 0.3) * share
    weights = weights.expand_as(seen).flatten()
    # Of a scenery b with brightness g, the weighted squared error from v is least, up to a
    # constant, with -(v b)^2 / (b b), where g is (v b) / (b b).
    product = known @ (weights * seen.flatten())
    power = known.square() @ weights + 1e-6
    best = int((product**2 / power).argmax())
    background, camera, offset = (column[best : best + 1] for column in _hypotheses())
    light = float((product / power)[best].clamp(*_LIGHT))
    progress = torch.linspace(-0.5, 0.5, len(video))
    return Scenery(
        BACKGROUNDS[int(background)],
        CAMERAS[int(camera)],
        scenery(background, camera, offset, progress)[0] * light,
    )


def _frames(length: int) -> list[int]:
    return torch.linspace(0, length - 1, _COMPARED).round().int().tolist()


def _hypotheses() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Indices of photographs, indices of cameras, and offsets, one row a hypothesis."""
    rows = torch.cartesian_prod(
        torch.arange(len(BACKGROUNDS)).float(),
        torch.arange(len(CAMERAS)).float(),
        _OFFSETS,
        _OFFSETS,
    )
    return rows[:, 0].long(), rows[:, 1].long(), rows[:, 2:]


def _shrunk(frames: torch.Tensor) -> torch.Tensor:
    return avg_pool2d(frames.permute(0, 3, 1, 2), _SHRINK)


@cache
def _all_sceneries(length: int) -> torch.Tensor:
    """Every hypothesis' compared frames, shrunk and flattened: (hypotheses, values)."""
    progress = torch.linspace(-0.5, 0.5, length)[_frames(length)]
    known = []
    for background, camera, offset in zip(
        *(column.split(len(_OFFSETS) ** 2) for column in _hypotheses()), strict=True
    ):
        clips = scenery(background, camera, offset, progress)
        known.append(_shrunk(clips.flatten(0, 1)).reshape(len(clips), -1))
    return torch.cat(known)
