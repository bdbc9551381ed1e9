"""Reads the six attributes off a video by fitting the known world: no classifier is trained.

The background is the template with the smallest median colour distance over a clip; the object is
what lies far from it, and its colour the nearest in the palette. For shape and size every frame's
object is compared with the six silhouettes that exist, drawn at the object's own centre; direction
and speed follow from the path of the centre. `validate` tells how often the checker is right on
rendered videos, whose captions are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pab_bench.minis.captions import ATTRIBUTES, BACKGROUNDS, COLOURS, SHAPES, Caption
from pab_bench.minis.render import (
    COLOUR_RGB,
    HALF_SIDE,
    SIDE,
    TRAVEL,
    background_image,
    render,
    silhouette,
)

_OBJECT_DISTANCE = 0.25
"""Colour distance (Euclidean, RGB in [0, 1]) from the background beyond which a pixel is object."""


@dataclass(frozen=True)
class Reading:
    """What the checker sees; an attribute is None where it sees no object."""

    shape: str | None
    colour: str | None
    background: str
    direction: str | None
    size: str | None
    speed: str | None

    def agrees(self, caption: Caption) -> dict[str, bool]:
        """Which of the six attributes are those of `caption`."""
        return {name: getattr(self, name) == getattr(caption, name) for name in ATTRIBUTES}


def read_video(video: torch.Tensor) -> Reading:
    """Read a video of shape (frames, 64, 64, 3), RGB in [0, 1]."""
    if video.ndim != 4 or video.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"video: expected (frames, {SIDE}, {SIDE}, 3), got {tuple(video.shape)}")
    templates = torch.stack([background_image(name) for name in BACKGROUNDS])
    distance = (video[None] - templates[:, None]).norm(dim=-1)
    fit = distance.flatten(1).median(dim=1).values
    best = int(fit.argmin())
    objects = _largest_pieces(distance[best] > _OBJECT_DISTANCE)
    seen = objects.flatten(1).sum(1) > 20
    if int(seen.sum()) < 4:
        return Reading(None, None, BACKGROUNDS[best], None, None, None)
    direction, speed = _motion(objects, seen)
    colour = _colour(video, objects)
    shape, size = _shape_and_size(_coverage(video, templates[best], colour, objects), seen)
    return Reading(shape, colour, BACKGROUNDS[best], direction, size, speed)


def _largest_pieces(mask: torch.Tensor) -> torch.Tensor:
    """Keep each frame's largest connected piece."""
    from skimage.measure import label

    kept = np.zeros(mask.shape, dtype=bool)
    for i, frame in enumerate(mask.numpy()):
        pieces = label(frame, connectivity=1)
        if pieces.max():
            kept[i] = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return torch.from_numpy(kept)


def _colour(video: torch.Tensor, objects: torch.Tensor) -> str:
    palette = torch.tensor([COLOUR_RGB[name] for name in COLOURS])
    pixels = video[objects].median(dim=0).values
    return COLOURS[int((palette - pixels).norm(dim=1).argmin())]


def _motion(objects: torch.Tensor, seen: torch.Tensor) -> tuple[str, str]:
    frame, row, column = objects.nonzero(as_tuple=True)
    count = objects.flatten(1).sum(1).clamp(min=1).float()
    centre = torch.stack(
        [
            torch.zeros(len(objects)).index_add_(0, frame, column.float()) / count,
            torch.zeros(len(objects)).index_add_(0, frame, row.float()) / count,
        ],
        dim=1,
    )[seen]
    time = torch.arange(len(objects)).float()[seen]
    time = time - time.mean()
    slope = (time[:, None] * (centre - centre.mean(0))).sum(0) / (time**2).sum()
    travel = slope * (len(objects) - 1)
    if travel[0].abs() > travel[1].abs():
        direction = "right" if travel[0] > 0 else "left"
    else:
        direction = "down" if travel[1] > 0 else "up"
    limit = sum(TRAVEL.values()) / 2
    return direction, "quickly" if travel.abs().max() > limit else "slowly"


def _shape_and_size(coverage: torch.Tensor, seen: torch.Tensor) -> tuple[str, str]:
    """The silhouette, of three shapes in two sizes, that fits best over all frames.

    Args:
        coverage: (frames, 64, 64), how much of each pixel the object covers, in [0, 1].
        seen: (frames,), the frames with an object.
    """
    frames = coverage[seen]
    pixel = torch.arange(SIDE, dtype=torch.float32)
    weight = frames.flatten(1).sum(1)
    x = ((frames.sum(1) * pixel).sum(1) / weight)[:, None, None]
    y = ((frames.sum(2) * pixel).sum(1) / weight)[:, None, None]
    errors = {}
    for shape in SHAPES:
        for size, half in HALF_SIDE.items():
            # A triangle's centre of mass lies a third of its half height below its box's centre.
            lower = half / 3 if shape == "triangle" else 0.0
            drawn = silhouette(
                shape, pixel[None, None, :] - x, pixel[None, :, None] - y + lower, half
            )
            errors[shape, size] = float((drawn - frames).square().sum())
    return min(errors, key=lambda key: errors[key])


def _coverage(
    video: torch.Tensor, background: torch.Tensor, colour: str, objects: torch.Tensor
) -> torch.Tensor:
    """Each pixel's place between background (0) and object colour (1), near the object only."""
    towards = torch.tensor(COLOUR_RGB[colour]) - background
    share = ((video - background) * towards).sum(-1) / (towards**2).sum(-1)
    near = torch.nn.functional.max_pool2d(objects[:, None].float(), 5, stride=1, padding=2)[:, 0]
    return share.clamp(0, 1) * near


def hit_rates(readings: list[Reading], captions: list[Caption]) -> dict[str, float]:
    """Share of videos whose attribute is the caption's, per attribute and for `all` six."""
    hits = [r.agrees(c) for r, c in zip(readings, captions, strict=True)]
    rates = {name: sum(h[name] for h in hits) / len(hits) for name in ATTRIBUTES}
    return {**rates, "all": sum(all(h.values()) for h in hits) / len(hits)}


def validate(captions: list[Caption], seed: int = 0) -> dict[str, float]:
    """The checker's hit rates on rendered videos of `captions`."""
    clips = render(captions, np.random.Generator(np.random.PCG64(seed)))
    quantised = (clips.video * 255).round() / 255
    return hit_rates([read_video(video) for video in quantised], captions)
