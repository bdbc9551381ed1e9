"""Frame -> video -> set means, in one place: frames of a video, and videos, weigh the same.

A mean that does not exist is None with a reason, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pab_bench.errors import MetricUnavailable, MetricUndefined
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Metric, Values
from pab_bench.metrics.mean import Mean


@dataclass(frozen=True)
class VideoValues:
    """A metric of one video: its values (empty where there are none) and their mean.

    Attributes:
        values: per frame, frame pair or video: see the metric's `per`.
        mean: the video's value.
    """

    values: Values
    mean: Mean


def measure_video(
    metric: Metric,
    video: Frames,
    reference: Frames | None = None,
    about: About = NOTHING_KNOWN,
) -> VideoValues:
    """Measure one video; a metric that cannot be had for it is a missing value with its reason.

    Raises:
        InvalidVideo: if the arrays are no videos or do not fit together.
    """
    try:
        values = metric.values(video, reference, about)
    except MetricUnavailable as error:
        lacking = not isinstance(error, MetricUndefined)
        return VideoValues(np.empty(0), Mean(None, reason=str(error), lacking=lacking))
    return VideoValues(values, mean_of_frames(values))


def mean_of_frames(values: ArrayLike) -> Mean:
    """Video value from its frames' values, shape (frames,).

    Example:
        >>> mean_of_frames([1.0, 2.0, 6.0]).value
        3.0
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"expected values of shape (frames,), got {array.shape}")
    if not array.size:
        return Mean(None, reason="no frames")
    infinite = int(np.count_nonzero(~np.isfinite(array)))
    if infinite:
        return Mean(None, reason=f"{infinite} of {array.size} values are not finite")
    return Mean(math.fsum(array) / array.size, count=array.size)


def mean_of_videos(videos: Sequence[Mean]) -> Mean:
    """Set value: the mean of the videos that have a value, whatever their number of frames.

    `count` and `missing` say on how many videos it rests; sets that are compared should agree in
    them.

    Example:
        >>> mean_of_videos([Mean(1.0, count=16), Mean(None, reason="no frames")])
        Mean(value=1.0, count=1, reason='', missing=('no frames',))
    """
    present = [video.value for video in videos if video.value is not None]
    missing = tuple(video.reason for video in videos if video.value is None)
    lacking = any(video.lacking for video in videos)
    if not present:
        reason = "none of the videos has a value" if videos else "no videos"
        return Mean(None, reason=reason, missing=missing, lacking=lacking)
    value = math.fsum(present) / len(present)
    return Mean(value, count=len(present), missing=missing, lacking=lacking)


def mean_in_batches(videos: Sequence[ArrayLike], videos_per_batch: int) -> float:
    """Set value as VideoSys `eval/pab/eval.py` prints it, for comparison with its tables only.

    It takes the plain mean over batches of videos (16 there), so a last, incomplete batch weighs
    as much as a full one. Equals `mean_of_videos` where all batches are full.

    Args:
        videos: one array of shape (frames,) per video, with equally many frames within a batch.
        videos_per_batch: how many consecutive videos form a batch, >= 1.

    Raises:
        ValueError: if there are no videos, or the videos of a batch differ in length.
    """
    if not videos or videos_per_batch < 1:
        raise ValueError(
            f"expected videos and a batch size >= 1, got {len(videos)} and {videos_per_batch}"
        )
    arrays = [np.asarray(video, dtype=np.float64) for video in videos]
    batches = [
        np.mean(np.stack(arrays[start : start + videos_per_batch]))
        for start in range(0, len(arrays), videos_per_batch)
    ]
    return float(np.mean(batches))
