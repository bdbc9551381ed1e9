"""Reads a video from whatever it is kept in: a video file, an array, a folder of images."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pab_bench.errors import PabBenchError
from pab_bench.metrics.base import Frames, InvalidVideo, check_video

VIDEO_FILES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif")
ARRAY_FILES = (".npy", ".npz", ".safetensors")
IMAGE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
KINDS = (
    f"video files ({' '.join(VIDEO_FILES)}), uint8 arrays of shape (frames, height, width, 3) "
    f"({' '.join(ARRAY_FILES)}), or folders of images ({' '.join(IMAGE_FILES)})"
)
FRAMES_KEY = "frames"
DEFAULT_FRAMES_PER_SECOND = 8.0


class UnreadableVideo(PabBenchError):
    """A file that holds no video; the message names the file and the rule."""


@dataclass(frozen=True)
class Video:
    """Decoded frames, and at what rate they are played.

    Attributes:
        frames: uint8 RGB, shape (frames, height, width, 3).
        frames_per_second: as the file says; 8 where it does not.
    """

    frames: Frames
    frames_per_second: float = DEFAULT_FRAMES_PER_SECOND


def is_source(path: Path) -> bool:
    """Whether a path looks like a video of one of the kinds that can be read."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return any(_is_image(inner) for inner in path.iterdir())
    return path.suffix.lower() in (*VIDEO_FILES, *ARRAY_FILES)


def name_of(path: Path) -> str:
    """The name by which videos are paired: without the suffix of a file."""
    return path.name if path.is_dir() else path.stem


def read_video(path: Path) -> Video:
    """Read a video.

    Raises:
        UnreadableVideo: if it cannot be read, has no frames or frames of different sizes.
        InvalidVideo: if it holds something else than uint8 RGB frames.
    """
    try:
        video = _reader(path)(path)
    except PabBenchError:
        raise
    except Exception as error:  # Readers of half a dozen libraries, with errors of their own.
        # ffmpeg appends its whole log to the first line.
        first = (str(error).strip().splitlines() or [""])[0]
        raise UnreadableVideo(f"{path}: cannot be read: {type(error).__name__}: {first}") from error
    try:
        check_video(video.frames, str(path))
    except InvalidVideo as error:
        raise UnreadableVideo(str(error)) from error
    return video


def _reader(path: Path) -> Callable[[Path], Video]:
    if path.is_dir():
        return _images
    suffix = path.suffix.lower()
    return {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors, ".gif": _gif}.get(
        suffix, _video_file
    )


def _video_file(path: Path) -> Video:
    import imageio

    with imageio.get_reader(path, "ffmpeg") as reader:
        frames = [np.asarray(frame) for frame in reader]
        rate = float(reader.get_meta_data().get("fps") or DEFAULT_FRAMES_PER_SECOND)
    return Video(_stacked(path, frames), rate)


def _gif(path: Path) -> Video:
    import imageio.v3 as imageio

    frames = [np.asarray(f) for f in imageio.imiter(path, plugin="pillow", mode="RGB")]
    duration = imageio.immeta(path, plugin="pillow").get("duration")
    rate = 1000.0 / duration if duration else DEFAULT_FRAMES_PER_SECOND
    return Video(_stacked(path, frames), rate)


def _images(path: Path) -> Video:
    import imageio.v3 as imageio

    files = sorted((inner for inner in path.iterdir() if _is_image(inner)), key=_by_numbers)
    return Video(_stacked(path, [np.asarray(imageio.imread(file)) for file in files]))


def _npy(path: Path) -> Video:
    return Video(np.load(path, mmap_mode="r", allow_pickle=False))


def _npz(path: Path) -> Video:
    with np.load(path, allow_pickle=False) as archive:
        return Video(archive[_key(path, list(archive.files))])


def _safetensors(path: Path) -> Video:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as archive:
        opened: Any = archive
        return Video(opened.get_tensor(_key(path, list(opened.keys()))))


def _key(path: Path, keys: list[str]) -> str:
    """The only array of a file, or the one called `frames`."""
    if len(keys) == 1:
        return keys[0]
    if FRAMES_KEY in keys:
        return FRAMES_KEY
    raise UnreadableVideo(
        f"{path}: expected one array, or one called {FRAMES_KEY!r}, got {', '.join(keys) or 'none'}"
    )


def _stacked(path: Path, frames: list[np.ndarray]) -> Frames:
    if not frames:
        raise UnreadableVideo(f"{path}: expected at least one frame, got none")
    shapes = sorted({frame.shape for frame in frames})
    if len(shapes) > 1:
        listed = ", ".join(map(str, shapes))
        raise UnreadableVideo(f"{path}: expected frames of one size, got {listed}")
    return np.stack(frames)


def _by_numbers(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Orders names by the numbers in them: frame2 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_FILES and not path.name.startswith(".")
