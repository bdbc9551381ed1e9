"""What a camera that stays, pans or zooms sees of a photograph: a crop that moves over time."""

from __future__ import annotations

import torch
from torch.nn.functional import grid_sample

from pab_bench.minis.crossing.captions import CAMERAS
from pab_bench.minis.crossing.photographs import PHOTOGRAPH_SIDE, all_photographs

SIDE = 64
"""Height and width of a frame in pixels."""
PAN = 24.0
"""Distance that the camera pans between the first and the last frame, in pixels."""
ZOOM = 1.25
"""The field of view is so many times larger at one end of a zoom, and smaller at the other."""


def camera_path(camera: str, progress: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tell where a camera looks over time.

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


def scenery(
    background: torch.Tensor, camera: torch.Tensor, offset: torch.Tensor, progress: torch.Tensor
) -> torch.Tensor:
    """Draw what cameras see of photographs, (clips, frames, SIDE, SIDE, 3) in [0, 1].

    Args:
        background: (clips,) indices of `BACKGROUNDS`.
        camera: (clips,) indices of `CAMERAS`.
        offset: (clips, 2), where the mid-clip crop is, from the middle of the photograph to the
            right and downwards, in pixels.
        progress: (frames,) time from -0.5 to 0.5. All four are on the device that draws.
    """
    device = str(progress.device)
    paths = [camera_path(name, progress) for name in CAMERAS]
    shift = torch.stack([path[0] for path in paths])[camera]
    view = torch.stack([path[1] for path in paths])[camera]
    photographs = all_photographs(device)
    middle = (PHOTOGRAPH_SIDE - 1) / 2
    pixel = (torch.arange(SIDE, device=device) - (SIDE - 1) / 2) * view[..., None]
    x = pixel + (middle + offset[:, 0, None] + shift)[..., None]
    y = pixel + (middle + offset[:, 1, None] + PHOTOGRAPH_SIDE * background[:, None])[..., None]
    x = x * (2 / (photographs.shape[3] - 1)) - 1
    y = y * (2 / (photographs.shape[2] - 1)) - 1
    shape = (*x.shape[:2], SIDE, SIDE)
    grid = torch.stack([x[..., None, :].expand(shape), y[..., :, None].expand(shape)], dim=-1)
    seen = grid_sample(photographs, grid.reshape(1, -1, SIDE, 2), align_corners=True)
    return seen[0].reshape(3, *shape).permute(1, 2, 3, 4, 0)
