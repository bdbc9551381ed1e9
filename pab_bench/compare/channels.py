"""Frames of one or four channels as RGB, if nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.compare.video import UnreadableVideo


def as_rgb(frames: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """Make RGB of grey frames by repeating them, and of opaque RGBA by dropping alpha.

    Args:
        frames: any shape whose last axis are the channels; those that have neither one nor four
            are left as they are.
        what: the file, for messages.

    Raises:
        UnreadableVideo: if a pixel is transparent: its colour depends on what lies behind.
    """
    if frames.ndim < 3 or frames.dtype != np.uint8:
        return frames
    if frames.shape[-1] == 1:
        return np.repeat(frames, 3, axis=-1)
    if frames.shape[-1] != 4:
        return frames
    transparent = int((frames[..., 3] < 255).sum())
    if transparent:
        raise UnreadableVideo(
            f"{what}: has transparent pixels ({transparent} with alpha below 255), whose colour is "
            "not defined; lay it over a background first"
        )
    return frames[..., :3]
