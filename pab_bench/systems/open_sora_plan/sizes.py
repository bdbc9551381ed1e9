"""Sizes of Open-Sora-Plan's videos, standard library only: settings are checked before loading."""

from __future__ import annotations

from pab_bench.problems import Problems

TEMPORAL_FACTOR = 4
"""Frames per latent frame, but for the first."""

PIXELS = 16
"""Height and width of a token: 8 pixels a latent, 2 latents a token."""


def check_video(frames: int, height: int, width: int, problems: Problems) -> None:
    """Note everything in a configuration that cannot be sampled.

    Args:
        frames: of the video (`model.frames`).
        height: of the video in pixels (`model.height`).
        width: of the video in pixels (`model.width`).
        problems: receives them.
    """
    if frames >= 1 and (frames - 1) % TEMPORAL_FACTOR:
        problems.add(
            "frames",
            frames,
            f"must be 1 more than a multiple of {TEMPORAL_FACTOR}: the first frame is encoded "
            f"alone, the others by {TEMPORAL_FACTOR}",
        )
    for key, value in (("height", height), ("width", width)):
        if value < PIXELS or value % PIXELS:
            problems.add(key, value, f"must be a positive multiple of {PIXELS}")
