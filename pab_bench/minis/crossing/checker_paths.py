"""Finds the objects of a video: for every colour of the palette the path that it is seen along."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import avg_pool2d

from pab_bench.minis.crossing.camera import SIDE
from pab_bench.minis.crossing.captions import COLOURS, DIRECTIONS
from pab_bench.minis.crossing.objects import COLOUR_RGB, object_path

_TONES = (1.0, 0.85, 0.7)
"""A blurred pattern mixes its two tones; each colour is looked for in these shares of itself."""
_TOLERANCE = 0.16
"""Colour distance (RGB in [0, 1]) at which a pixel counts exp(-0.5)."""
_BACKGROUND_DISTANCE = 0.15
"""Nearer than this to the known background, a pixel counts nothing."""
_WINDOW = 13
"""Side of the square around a path, in pixels, that the colour is counted in."""
_SEEN = 0.25
"""Share of these squares, over all frames, that must have the colour."""
_LARGEST = 0.25
"""A colour that is seen on a larger share of all pixels is not that of an object."""
_SPEEDS = (0.75, 1.0, 1.25)
"""Multiples of the rendered objects' speed that a path is looked for at."""


@dataclass(frozen=True)
class Path:
    """Where an object is.

    Attributes:
        colour: one of `COLOURS`.
        direction: one of `DIRECTIONS`.
        centres: (frames, 2), x and y of its centre of mass in pixels.
    """

    colour: str
    direction: str
    centres: torch.Tensor


def find_paths(video: torch.Tensor, background: torch.Tensor) -> list[Path]:
    """Find the two objects of different colour that are seen best, or fewer.

    Args:
        video: (frames, SIDE, SIDE, 3) in [0, 1].
        background: the same without objects.
    """
    evidence = _evidence(video, background)
    near = avg_pool2d(evidence, _WINDOW, stride=1, padding=_WINDOW // 2)
    directions, centres = _hypotheses(len(video))
    column, row = centres.round().long().clamp(0, SIDE - 1).unbind(-1)
    frame = torch.arange(len(video))
    shares = near[:, frame, row, column].mean(-1)
    share, best = shares.max(dim=1)
    share[evidence.flatten(1).mean(1) > _LARGEST] = 0
    found = [i for i in share.argsort(descending=True).tolist()[:2] if share[i] > _SEEN]
    return [Path(COLOURS[i], directions[int(best[i])], centres[int(best[i])]) for i in found]


def _evidence(video: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """How much each pixel looks like each colour, (colours, frames, SIDE, SIDE) in [0, 1]."""
    palette = torch.tensor([COLOUR_RGB[name] for name in COLOURS])
    tones = palette[:, None] * torch.tensor(_TONES)[:, None]
    pixels = video.flatten(0, 2)
    distance = torch.cdist(tones.flatten(0, 1), pixels).reshape(*tones.shape[:2], -1).amin(1)
    new = (pixels - background.flatten(0, 2)).norm(dim=-1) > _BACKGROUND_DISTANCE
    alike = torch.exp(-0.5 * (distance / _TOLERANCE) ** 2) * new
    return alike.reshape(len(COLOURS), *video.shape[:3])


@cache
def _hypotheses(length: int) -> tuple[list[str], torch.Tensor]:
    """Directions and paths (hypotheses, frames, 2) on a grid of crossing points."""
    across = torch.arange(-4.0, 4.5)
    # The centre of mass of a triangle is lower than the middle of its box.
    down = torch.arange(-4.0, 8.5)
    rows = torch.cartesian_prod(torch.arange(len(DIRECTIONS)).float(), across, down)
    progress = torch.linspace(-0.5, 0.5, length)
    directions = rows[:, 0].long()
    paths = [object_path(directions, rows[:, 1:], progress * speed) for speed in _SPEEDS]
    names = [DIRECTIONS[i] for i in directions.tolist()]
    return names * len(_SPEEDS), torch.cat(paths)
