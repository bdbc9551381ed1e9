"""Tells shape and pattern of an object by the drawings of all nine looks that fit around its path.

A drawing is compared with the video in a window round the object, frame by frame where the objects
are apart, at whatever place nearby it fits best, sharp or blurred. With M the coverage, S the
shade, c the colour and b the background, a look predicts (1 - M) b + M S c; its squared error
expands into products of images that depend on the look alone, kept, and on the video alone.
"""

from __future__ import annotations

from functools import cache

import torch
from torch.nn.functional import conv2d, pad

from pab_bench.minis.crossing.camera import SIDE
from pab_bench.minis.crossing.captions import PATTERNS, SHAPES
from pab_bench.minis.crossing.checker_paths import Path
from pab_bench.minis.crossing.objects import COLOUR_RGB, HALF_SIDE, coverage, shade

_HALF_WINDOW = 17
"""Pixels of a window on each side of its middle one."""
_PLACES = torch.arange(-3, 3.5, 0.5)
"""Offsets from the path in pixels, per axis, at which a look is tried."""
_BLURS = (0.0, 1.0)
"""Standard deviations in pixels with which a look is tried."""
_APART = 0.28
"""Frames at least so far from mid-clip, as a share of the clip, show the objects apart."""


def read_look(
    video: torch.Tensor, background: torch.Tensor, path: Path, other: Path | None
) -> tuple[str, str, torch.Tensor]:
    """Tell shape and pattern of the object on `path`, and the middles of its box (frames, 2).

    Args:
        video: (frames, SIDE, SIDE, 3) in [0, 1].
        background: the same without objects.
        path: where the object is, within 3 pixels an axis.
        other: where the other object is, whose surroundings are left out.
    """
    progress = torch.linspace(-0.5, 0.5, len(video))
    apart = (progress.abs() >= _APART).nonzero()[:, 0]
    weight = torch.ones(len(video), SIDE, SIDE)
    if other is not None:
        weight -= _square(other.centres)
    middle = path.centres.round().long()
    windows = [
        _window(torch.cat([video, background, weight[..., None]], dim=-1)[i], middle[i])
        for i in apart.tolist()
    ]
    pixels = torch.stack(windows).flatten(1, 2)
    errors = _errors(pixels, torch.tensor(COLOUR_RGB[path.colour]))
    error, place = errors.min(dim=2)
    blur, look = divmod(int(error.sum(-1).argmin()), len(SHAPES) * len(PATTERNS))
    shape, pattern = SHAPES[look // len(PATTERNS)], PATTERNS[look % len(PATTERNS)]
    shift = _places()[place[blur, look]].median(dim=0).values
    shift = shift + (middle - path.centres)[apart].mean(0) - torch.tensor([0, _lower(shape)])
    return shape, pattern, path.centres + shift


def _lower(shape: str) -> float:
    """How far the centre of mass is below the middle of the box, in pixels."""
    return HALF_SIDE[shape] / 3 if shape == "triangle" else 0.0


def _square(centres: torch.Tensor) -> torch.Tensor:
    """1 where any object at `centres` may be, (frames, SIDE, SIDE)."""
    reach = max(HALF_SIDE.values()) + 1
    near = (torch.arange(SIDE) - centres[..., None]).abs() < reach
    return (near[:, 0, None, :] & near[:, 1, :, None]).float()


def _window(frame: torch.Tensor, middle: torch.Tensor) -> torch.Tensor:
    """The part of a frame round a pixel; beyond the frame everything is 0, the weight too."""
    left, top = (int(value) for value in middle)
    around = pad(frame, (0, 0, *[2 * _HALF_WINDOW] * 4))
    size = 2 * _HALF_WINDOW + 1
    return around[top + _HALF_WINDOW :, left + _HALF_WINDOW :][:size, :size]


def _errors(pixels: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """Weighted squared errors, (blurs, looks, places, frames).

    Args:
        pixels: (frames, pixels, 7): the video's RGB, the background's, and the weight.
        colour: the object's RGB.
    """
    seen, behind, weight = pixels.split([3, 3, 1], dim=-1)
    new = seen - behind
    images = torch.stack(
        [
            (new * behind).sum(-1) * 2,
            (new * colour).sum(-1) * -2,
            behind.square().sum(-1),
            (behind * colour).sum(-1) * -2,
            colour.square().sum().expand(weight.shape[:2]),
        ],
        dim=1,
    )
    weighted = (images * weight[:, None, :, 0]).flatten(1)
    known = _products()
    return (known.flatten(0, 2) @ weighted.T).reshape(*known.shape[:3], len(pixels))


@cache
def _places() -> torch.Tensor:
    return torch.cartesian_prod(_PLACES, _PLACES)


@cache
def _products() -> torch.Tensor:
    """M, MS, MM, MMS and MMSS, (blurs, looks, places, 5 * pixels)."""
    pixel = torch.arange(-_HALF_WINDOW, _HALF_WINDOW + 1).float()
    x = pixel[None, None, :] - _places()[:, 0, None, None]
    y = pixel[None, :, None] - _places()[:, 1, None, None]
    blurs = []
    for blur in _BLURS:
        looks = []
        for shape in SHAPES:
            box = y + _lower(shape)
            covered = coverage(shape, x, box)
            for pattern in PATTERNS:
                painted = _blurred(covered * shade(pattern, x, box), blur)
                m = _blurred(covered, blur)
                images = [m, painted, m * m, m * painted, painted * painted]
                looks.append(torch.stack(images, dim=1).flatten(1))
        blurs.append(torch.stack(looks))
    return torch.stack(blurs)


def _blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Images (count, height, width) after a Gaussian of standard deviation `sigma` pixels."""
    if sigma == 0:
        return images
    kernel = torch.exp(-0.5 * (torch.arange(-4, 5) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    wide = conv2d(images[:, None], kernel[None, None, None], padding="same")
    return conv2d(wide, kernel[None, None, :, None], padding="same")[:, 0]
