"""Several metrics of a set of videos that go by one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pab_bench.metrics.aggregate import VideoValues, mean_of_videos, measure_video
from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Collector,
    Frames,
    Metric,
    SetMetric,
    check_pair,
    check_video,
)
from pab_bench.metrics.mean import Mean

NO_BASELINE = "a baseline is not compared with itself"


@dataclass(frozen=True)
class Clip:
    """One video to measure.

    Attributes:
        video: uint8 RGB frames, shape (frames, height, width, 3).
        reference: the baseline's, same shape; None if there is none.
        about: what else is known of it.
    """

    video: Frames
    reference: Frames | None
    about: About = NOTHING_KNOWN


@dataclass
class Measured:
    """A metric of a set of videos.

    Attributes:
        metric: the metric.
        videos: its values of each video, in order; none of a metric of whole sets.
        total: the set's value.
    """

    metric: Metric | SetMetric
    videos: list[VideoValues] = field(default_factory=list)
    total: Mean = field(default_factory=lambda: Mean(None, reason="no videos"))

    @property
    def reason(self) -> str | None:
        """Why there is no set value; None if there is one."""
        if self.total.value is not None:
            return None
        return "; ".join(dict.fromkeys(self.total.missing)) or self.total.reason

    def summary(self) -> dict[str, Any]:
        """The set's value as plain JSON, with the metric's declaration.

        `videos` is how many it rests on; `missing` has the reasons why others have no value, each
        with the number of videos; `lacking` says whether measuring again can help.
        """
        return {
            "value": self.total.value,
            "reason": self.reason,
            "videos": self.total.count,
            "missing": dict(Counter(self.total.missing)),
            "lacking": self.total.lacking,
            **self.metric.declaration(),
        }


def measure_set(
    metrics: Sequence[Metric | SetMetric],
    clips: Iterable[Clip],
    failed: Callable[[Exception], None] | None = None,
) -> list[Measured]:
    """Measure all videos by all metrics; each video is dropped before the next one is taken.

    A metric that cannot be had for a video is missing there, with its reason.

    Args:
        metrics: what to measure.
        clips: the videos.
        failed: is given what a metric raised; the clip is left out of all metrics. None = raise.

    Raises:
        InvalidVideo: if an array is no video, or does not fit its reference.
    """
    measured = [Measured(metric) for metric in metrics]
    collectors: dict[int, Collector] = {}
    for clip in clips:
        try:
            _measure_clip(measured, collectors, clip)
        except Exception as error:
            if failed is None:
                raise
            failed(error)
        del clip  # Otherwise it would live until the next one is made.
    for number, one in enumerate(measured):
        if isinstance(one.metric, Metric):
            one.total = mean_of_videos([video.mean for video in one.videos])
        elif number in collectors:
            one.total = collectors[number].result()
        else:
            one.total = Mean(None, reason=NO_BASELINE)
    return measured


def _measure_clip(measured: list[Measured], collectors: dict[int, Collector], clip: Clip) -> None:
    """Add the values of a clip to all metrics, or to none of those that are means."""
    if clip.reference is None:
        check_video(clip.video)
    else:
        check_pair(clip.video, clip.reference)
    of_videos = [one for one in measured if isinstance(one.metric, Metric)]
    values = [_of_video(one.metric, clip) for one in of_videos if isinstance(one.metric, Metric)]
    for number, one in enumerate(measured):
        if isinstance(one.metric, Metric):
            continue
        if clip.reference is not None or not one.metric.needs_reference:
            collector = collectors.setdefault(number, one.metric.collect())
            collector.add(clip.video, clip.reference)
    for one, value in zip(of_videos, values, strict=True):
        one.videos.append(value)


def _of_video(metric: Metric, clip: Clip) -> VideoValues:
    if metric.needs_reference and clip.reference is None:
        return VideoValues(np.empty(0), Mean(None, reason=NO_BASELINE))
    reference = clip.reference if metric.needs_reference else None
    return measure_video(metric, clip.video, reference, clip.about)
