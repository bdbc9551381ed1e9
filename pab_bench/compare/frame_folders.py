"""A folder of images, one a frame, in the order of their numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from pab_bench.compare.pictures import read_picture
from pab_bench.compare.video import UnreadableVideo, Video
from pab_bench.metrics.base import Frames

IMAGE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_SHOWN = 5


def is_image(path: Path) -> bool:
    """Whether a path looks like a visible image."""
    return (
        path.suffix.lower() in IMAGE_FILES and not path.name.startswith(".") and not path.is_dir()
    )


def read_frame_folder(path: Path) -> Video:
    """Read the images of a folder.

    Raises:
        UnreadableVideo: if their order is not clear, a number is missing or there twice, or one
            cannot be read or has another size than the first.
    """
    files, step = in_order([inner for inner in path.iterdir() if is_image(inner)], path)
    return Video(_frames(files), step=step)


def in_order(files: Sequence[Path], folder: Path) -> tuple[list[Path], int]:
    """Order images by the number in their names.

    Names differ in one number, as `v2_frame9.png` and `v2_frame10.png` do. If they differ in
    several, their order is taken where that of the alphabet is the same.

    Args:
        files: at least one, in any order.
        folder: where they lie, for messages.

    Returns:
        The files, and by how much the number grows from one to the next.

    Raises:
        UnreadableVideo: if the order is not clear, or a number is missing or there twice.
    """
    if not files:
        raise UnreadableVideo(f"{folder}: expected at least one image, got none")
    names = {file: unicodedata.normalize("NFC", file.stem).casefold() for file in files}
    _check_one_kind(names, folder)
    numbers = {file: tuple(map(int, re.findall(r"\d+", name))) for file, name in names.items()}
    ordered = sorted(files, key=lambda file: (numbers[file], file.name))
    places = zip(*(numbers[file] for file in ordered), strict=True)
    varying = [place for place in places if len({*place}) > 1]
    for one, other in pairwise(ordered):
        if numbers[one] == numbers[other]:
            raise UnreadableVideo(
                f"{folder}: {one.name} and {other.name} are the same frame by their number"
            )
    if len(varying) > 1:
        if ordered != sorted(files, key=names.__getitem__):
            raise UnreadableVideo(
                f"{folder}: the order of the frames is not clear: several numbers differ in names "
                f"as {ordered[0].name} and {ordered[-1].name}; leave one, or pad all with zeros"
            )
        return ordered, 1
    return ordered, _step(varying[0], folder) if varying else 1


def _check_one_kind(names: dict[Path, str], folder: Path) -> None:
    """All names are the same but for their numbers."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for file, name in names.items():
        kinds[re.sub(r"\d+", "#", name)].append(file.name)
    if len(kinds) > 1:
        usual = sorted(kinds.values(), key=lambda of_kind: (-len(of_kind), min(of_kind)))
        listed = ", ".join(f"{min(of_kind)} ({len(of_kind)})" for of_kind in usual[:_SHOWN])
        raise UnreadableVideo(
            f"{folder}: the order of the frames is not clear: expected images whose names differ "
            f"only in a number, got {len(kinds)} kinds: {listed}"
            f"{', ...' if len(kinds) > _SHOWN else ''}"
        )


def _step(numbers: Sequence[int], folder: Path) -> int:
    gaps = [after - before for before, after in pairwise(numbers)]
    step = min(gaps)
    if max(gaps) == step:
        return step
    usual = Counter(gaps).most_common(1)[0][0]
    missing = [
        number
        for before, after in pairwise(numbers)
        if after - before > usual
        for number in range(before + usual, min(after, before + usual * (_SHOWN + 2)), usual)
    ]
    listed = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
    raise UnreadableVideo(
        f"{folder}: frames are missing between {numbers[0]} and {numbers[-1]}: number "
        f"{listed or 'unknown, the gaps are irregular'}"
    )


def _frames(files: Sequence[Path]) -> Frames:
    first = read_picture(files[0])
    frames = np.empty((len(files), *first.shape), np.uint8)
    frames[0] = first
    for number, file in enumerate(files[1:], start=1):
        frame = read_picture(file)
        if frame.shape != first.shape:
            raise UnreadableVideo(
                f"{file}: expected frames of one size: it has {size(frame)}, {files[0].name} has "
                f"{size(first)}"
            )
        frames[number] = frame
    return frames


def size(frames: Frames) -> str:
    """Height and width of frames for people, as `32 x 48 (height x width)`."""
    height, width = frames.shape[-3:-1]
    return f"{height} x {width} (height x width)"
