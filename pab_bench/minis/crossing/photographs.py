"""The photographs under the objects: those that scikit-image ships in its wheel, cut and muted.

Each is cut once to a square that the camera never leaves and scaled, with smoothing, so that a
pixel of a crop is about one of the photograph. They are darker and less saturated than the
palette, so that no part of them can be taken for an object.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from pab_bench.minis.crossing.captions import BACKGROUNDS

PHOTOGRAPH_SIDE = 96
"""Height and width of a photograph in pixels."""

_SOURCE = {
    "grass": ("grass", (60, 60, 150), (0.42, 0.62, 0.28), 1.15),
    "gravel": ("gravel", (100, 150, 170), (0.62, 0.58, 0.52), 1.0),
    "bricks": ("brick", (130, 200, 260), (0.78, 0.42, 0.32), 1.0),
    "fur": ("chelsea", (62, 92, 145), (0.62, 0.62, 0.62), 1.0),
    "stars": ("hubble_deep_field", (380, 560, 300), (0.75, 0.75, 0.75), 1.6),
    "launchpad": ("rocket", (150, 178, 270), (0.75, 0.75, 0.75), 1.2),
}
"""Name in `skimage.data`; top, left and side of the cut; tint; gain."""
_BRIGHTEST = 0.7
"""No channel of a photograph is brighter: stars and lamps are not white."""


@cache
def photograph(name: str) -> torch.Tensor:
    """The photograph `name`, (3, PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE) in [0, 1]."""
    if name not in _SOURCE:
        raise ValueError(f"background {name!r}: allowed are {list(_SOURCE)}")
    from skimage import data
    from skimage.transform import resize

    source, (top, left, side), tint, gain = _SOURCE[name]
    image = getattr(data, source)().astype(np.float32) / 255
    image = image[top : top + side, left : left + side]
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    size = (PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE)
    small = resize(image, size, order=1, anti_aliasing=True, mode="reflect")
    muted = np.clip(small * gain * np.array(tint, dtype=np.float32), 0, _BRIGHTEST)
    return torch.from_numpy(muted.astype(np.float32)).permute(2, 0, 1).contiguous()


@cache
def all_photographs(device: str) -> torch.Tensor:
    """All photographs one below the other, in the order of `BACKGROUNDS`, on `device`.

    Returns:
        (1, 3, len(BACKGROUNDS) * PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE) in [0, 1].
    """
    return torch.cat([photograph(name) for name in BACKGROUNDS], dim=1)[None].to(device)
