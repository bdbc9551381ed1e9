"""Arrays of frames in `.npy`, `.npz` and `.safetensors` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pab_bench.compare.channels import as_rgb
from pab_bench.compare.video import UnreadableVideo, Video

ARRAY_FILES = (".npy", ".npz", ".safetensors")
FRAMES_KEY = "frames"


def read_array_file(path: Path) -> Video:
    """Read the only array of a file, or the one called `frames`.

    Raises:
        UnreadableVideo: if it is not clear which array is meant, or a pixel is transparent.
    """
    reader = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}[path.suffix.lower()]
    frames = reader(path)
    return Video(as_rgb(frames, str(path)) if frames.ndim == 4 else frames)


def _npy(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _npz(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        return archive[_key(path, list(archive.files))]


def _safetensors(path: Path) -> Any:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as archive:
        opened: Any = archive
        return opened.get_tensor(_key(path, list(opened.keys())))


def _key(path: Path, keys: list[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    if FRAMES_KEY in keys:
        return FRAMES_KEY
    raise UnreadableVideo(
        f"{path}: expected one array, or one called {FRAMES_KEY!r}, got {', '.join(keys) or 'none'}"
    )
