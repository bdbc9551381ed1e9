"""GIF, WebP and PNG animations: their frames last as long as each says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.compare.pictures import check_depth, rgb_of
from pab_bench.compare.rhythm import find_rhythm
from pab_bench.compare.video import UnreadableVideo, Video
from pab_bench.metrics.base import Frames

if TYPE_CHECKING:
    from PIL import Image

ANIMATION_FILES = (".gif", ".apng")
"""Files that are videos even if they hold a single frame."""
_PERHAPS = (".webp", ".png")
_TOLERANCE = {".gif": 0.01}
"""In seconds. A GIF counts in hundredths of a second, the others in thousandths."""


def is_animation(path: Path) -> bool:
    """Whether an image file holds several frames."""
    from PIL import Image

    if path.suffix.lower() in ANIMATION_FILES:
        return True
    if path.suffix.lower() not in _PERHAPS or not path.is_file():  # A pipe is waited for.
        return False
    try:
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def read_animation(path: Path) -> Video:
    """Read an animation; a frame that lasts for several intervals is repeated.

    Raises:
        UnreadableVideo: if it is damaged or transparent, or if its durations are no multiples of
            one interval.
    """
    from PIL import Image

    with Image.open(path) as image:
        check_depth(image, str(path))
        frames, durations = _decoded(image, path)
    if not any(durations):
        return Video(frames)
    rhythm = find_rhythm(durations, _TOLERANCE.get(path.suffix.lower(), 0.001))
    if rhythm is None:
        milliseconds = [1000 * duration for duration in durations]
        raise UnreadableVideo(
            f"{path}: variable frame rate: its {len(frames)} frames last for "
            f"{min(milliseconds):g} to {max(milliseconds):g} ms, which are no multiples of one "
            "interval; write it with a constant frame rate"
        )
    rate = 1 / rhythm.interval
    if rhythm.constant:
        return Video(frames, rate, rate_is_known=True)
    note = (
        f"{len(frames)} frames repeated by their durations to {sum(rhythm.repeats)}, "
        f"{rate:.4g} a second"
    )
    return Video(np.repeat(frames, rhythm.repeats, axis=0), rate, (note,), rate_is_known=True)


def _decoded(image: Image.Image, path: Path) -> tuple[Frames, list[float]]:
    """The composed frames, and how long each is shown, in seconds."""
    frames: list[Frames] = []
    durations = []
    # The picture for programs that cannot play an animated PNG is no frame of it.
    first = 1 if getattr(image, "default_image", False) else 0
    for number in range(first, getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        frames.append(rgb_of(image, f"{path}, frame {number - first}"))
        durations.append(float(image.info.get("duration") or 0) / 1000)
    if not frames:
        raise UnreadableVideo(f"{path}: expected at least one frame, got none")
    return np.stack(frames), durations
