"""What VBench computes after its networks, and which frames it gives them."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from pab_bench.metrics.base import Frames, Values

FASTEST_SHARE = 0.05
FRAMES_PER_SECOND = 8


def consistency(features: ArrayLike) -> Values:
    """How like each frame is to the one before it and to the first one.

    Args:
        features: one row per frame, shape (frames, dimensions), of any length.

    Returns:
        Shape (frames - 1,), range 0..1: the mean of both cosines, negative ones counted as 0. A
        video's score is their mean.

    Example:
        >>> consistency([[1, 0], [0, 1], [-1, 0]]).tolist()
        [0.0, 0.0]
    """
    rows = np.asarray(features, dtype=np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    before = np.clip(np.sum(rows[1:] * rows[:-1], axis=1), 0, 1)
    first = np.clip(rows[1:] @ rows[0], 0, 1)
    return (before + first) / 2


def smoothness(video: Frames, interpolated: np.ndarray) -> Values:
    """How near the dropped odd frames are to what was interpolated between the even ones.

    Args:
        video: uint8 frames, shape (frames, height, width, 3).
        interpolated: one float frame per gap between even frames, in [0, 1], shape
            ((frames - 1) // 2, height, width, 3).

    Returns:
        Shape ((frames - 1) // 2,), range 0..1; with an even number of frames the last one is not
        used. A video's score is the mean.
    """
    # VBench truncates to whole numbers where one would round.
    guessed = np.clip(interpolated * 255, 0, 255).astype(np.uint8).astype(np.int16)
    dropped = video[1::2][: len(guessed)]
    error = np.abs(guessed - dropped).mean(axis=(1, 2, 3), dtype=np.float64)
    return (255 - error) / 255


def frame_interval(frames_per_second: float) -> int:
    """Every how many frames one is taken for the dynamic degree.

    >>> [frame_interval(rate) for rate in (6, 8, 12, 24, 30)]
    [1, 1, 2, 3, 4]
    """
    return max(1, round(frames_per_second / FRAMES_PER_SECOND))


def fast_motion(flow: np.ndarray) -> float:
    """Mean length of the fastest twentieth of a flow's vectors.

    Args:
        flow: shape (height, width, 2), pixels per frame; at least 20 vectors.
    """
    lengths = np.sqrt(np.square(flow[..., 0]) + np.square(flow[..., 1])).ravel()
    count = int(lengths.size * FASTEST_SHARE)
    return float(np.mean(np.sort(lengths)[::-1][:count]))


def motion_threshold(smallest_side: int) -> float:
    """The length above which a pair of frames moves, in pixels."""
    return 6.0 * (smallest_side / 256.0)


def moving_pairs_needed(frames: int) -> int:
    """In how many pairs of `frames` sampled frames something must move, for a moving video."""
    return round(4 * (frames / 16.0))


def moves(speeds: ArrayLike, frames: int, smallest_side: int) -> bool:
    """VBench's decision whether a video moves.

    Args:
        speeds: `fast_motion` per pair of sampled frames.
        frames: number of sampled frames.
        smallest_side: of the frames, pixels.

    Returns:
        True if enough pairs are fast enough. With two frames none is needed, so that every pair
        moves; without a pair nothing does.
    """
    fast = np.asarray(speeds, dtype=np.float64) > motion_threshold(smallest_side)
    return bool(fast.size and fast.sum() >= moving_pairs_needed(frames))


def middle_frames(frames: int, count: int = 8) -> list[int]:
    """The middles of `count` equal intervals; of a shorter video all frames, the last repeated.

    >>> middle_frames(16), middle_frames(3, 4)
    ([0, 2, 4, 6, 8, 10, 12, 14], [0, 1, 2, 2])
    """
    parts = min(count, frames)
    edges = np.linspace(0, frames, parts + 1).astype(int)
    chosen = [(int(a) + int(b) - 1) // 2 for a, b in pairwise(edges)]
    return chosen + [chosen[-1]] * (count - parts)


def prompt_of_file(name: str) -> str:
    """The prompt that VBench reads from the name of a video file.

    >>> prompt_of_file("3.5 apples-1.mp4"), prompt_of_file("a cat.mp4")
    ('3.5 apples', 'a cat')
    """
    return re.sub(r"-\d+$", "", name.rpartition(".")[0] or name)


def imaging_size(height: int, width: int, longest: int = 512) -> tuple[int, int]:
    """The size in which imaging quality looks at a frame; it only ever shrinks.

    >>> imaging_size(480, 854), imaging_size(240, 426)
    ((287, 512), (240, 426))
    """
    if max(height, width) <= longest:
        return height, width
    scale = float(longest) / max(height, width)
    return int(scale * height), int(scale * width)
