"""A video as it was read, and what it means that one cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from pab_bench.errors import PabBenchError
from pab_bench.metrics.base import Frames

DEFAULT_FRAMES_PER_SECOND = 8.0


class UnreadableVideo(PabBenchError):
    """A file that holds no video; the message names the file and the rule."""


@dataclass(frozen=True)
class Video:
    """Decoded frames, and at what rate they are played.

    Attributes:
        frames: uint8 RGB, shape (frames, height, width, 3).
        frames_per_second: as the file says; 8 where it does not.
        notes: what was done to the frames while reading, which results must say.
        rate_is_known: whether the file says it.
        step: how the numbers of a folder's images go on; None for everything else.
    """

    frames: Frames
    frames_per_second: float = DEFAULT_FRAMES_PER_SECOND
    notes: tuple[str, ...] = ()
    rate_is_known: bool = False
    step: int | None = None
