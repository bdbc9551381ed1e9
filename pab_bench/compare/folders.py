"""Which videos lie in a folder and in the folders below it, and what they are called."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pab_bench.compare.frame_folders import is_image
from pab_bench.compare.sources import KINDS, is_still, is_video_file
from pab_bench.errors import PabBenchError


class FolderRefused(PabBenchError):
    """A folder from which nothing can be compared."""


@dataclass
class Found:
    """What lies in a folder.

    Attributes:
        videos: name -> files, or folders of images, of that name. A name is the path from the
            folder on, without the suffix of a file, in Unicode's composed form.
        others: files that are no videos.
    """

    videos: dict[str, list[Path]] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def videos_in(folder: Path, without: Path) -> Found:
    """Find the videos in a folder and below it; links are followed.

    Args:
        folder: where to look.
        without: a folder that is passed over: that of the other side.

    Raises:
        FolderRefused: if it is no folder, or holds no videos.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder}: expected a folder, it does not exist or is a file")
    found = Found()
    seen = {without.resolve()}
    try:
        _walk(folder, folder, found, seen)
    except OSError as error:
        raise FolderRefused(f"{error.filename}: cannot be read: {error.strerror}") from error
    if not found.videos:
        hint = ""
        if any(is_still(path) for path in found.others if path.parent == folder):
            hint = "; if the images in it are the frames of one video, give the folder above it"
        raise FolderRefused(f"{folder}: no videos in it or below it; expected {KINDS}{hint}")
    found.videos = {name: _lossless(paths) for name, paths in found.videos.items()}
    return found


def _walk(folder: Path, top: Path, found: Found, seen: set[Path]) -> None:
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    inner = sorted(folder.iterdir())
    files = [path for path in inner if not path.is_dir()]
    videos = [path for path in files if is_video_file(path)]
    # Beside videos, images are thumbnails of them.
    of_frames = folder != top and not videos and any(map(is_still, files))
    if of_frames:
        found.videos.setdefault(_name(folder, top), []).append(folder)
    for path in videos:
        found.videos.setdefault(_name(path, top), []).append(path)
    found.others += [path for path in _others(files, videos) if not (of_frames and is_image(path))]
    for path in inner:
        if path.is_dir() and not path.name.startswith("."):
            _walk(path, top, found, seen)


def _others(files: list[Path], videos: list[Path]) -> Iterator[Path]:
    known = {*videos}
    return (path for path in files if path not in known)


def _name(path: Path, top: Path) -> str:
    below = path.relative_to(top)
    plain = below if path.is_dir() else below.with_name(path.stem)
    # macOS takes names apart into letters and accents, other systems do not.
    return unicodedata.normalize("NFC", plain.as_posix())


def _lossless(paths: list[Path]) -> list[Path]:
    """Of a video that lies there twice, as `sample.lossless` writes it, the frames themselves."""
    kinds = {path.suffix.lower(): path for path in paths}
    if len(paths) == 2 and set(kinds) == {".mp4", ".safetensors"}:
        return [kinds[".safetensors"]]
    return paths
