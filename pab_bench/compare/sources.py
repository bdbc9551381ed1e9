"""Reads a video from whatever it is kept in: a video file, an array, a folder of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pab_bench.compare.animations import ANIMATION_FILES, is_animation, read_animation
from pab_bench.compare.array_files import ARRAY_FILES, read_array_file
from pab_bench.compare.containers import VIDEO_FILES, read_container
from pab_bench.compare.frame_folders import IMAGE_FILES, is_image, read_frame_folder
from pab_bench.compare.video import UnreadableVideo, Video
from pab_bench.errors import PabBenchError
from pab_bench.metrics.base import InvalidVideo, check_video

KINDS = (
    f"video files ({' '.join((*VIDEO_FILES, *ANIMATION_FILES))}, animated .webp and .png), uint8 "
    f"arrays of shape (frames, height, width, 3) ({' '.join(ARRAY_FILES)}), or folders of images "
    f"({' '.join(IMAGE_FILES)})"
)


def is_video_file(path: Path) -> bool:
    """Whether a path looks like a file that holds a whole video."""
    if path.name.startswith(".") or path.is_dir():
        return False
    kinds = (*VIDEO_FILES, *ANIMATION_FILES, *ARRAY_FILES)
    return path.suffix.lower() in kinds or is_animation(path)


def is_still(path: Path) -> bool:
    """Whether a path looks like an image of a single frame."""
    return is_image(path) and not is_animation(path)


def read_video(path: Path) -> Video:
    """Read a video.

    Raises:
        UnreadableVideo: if it cannot be read, has no frames, frames of different sizes, or holds
            something else than uint8 RGB frames.
    """
    try:
        video = _reader(path)(path)
    except PabBenchError:
        raise
    except Exception as error:  # Readers of several libraries, with errors of their own.
        first = (str(error).strip().splitlines() or [""])[0]
        raise UnreadableVideo(f"{path}: cannot be read: {type(error).__name__}: {first}") from error
    try:
        check_video(video.frames, str(path))
    except InvalidVideo as error:
        raise UnreadableVideo(str(error)) from error
    return video


def _reader(path: Path) -> Callable[[Path], Video]:
    if path.is_dir():
        return read_frame_folder
    if not path.is_file():
        what = "is no regular file" if path.exists() else "does not exist, or is a broken link"
        raise UnreadableVideo(f"{path}: {what}")
    if path.stat().st_size == 0:
        raise UnreadableVideo(f"{path}: is empty (0 bytes)")
    suffix = path.suffix.lower()
    if suffix in ARRAY_FILES:
        return read_array_file
    if suffix in ANIMATION_FILES or is_animation(path):
        return read_animation
    return read_container
