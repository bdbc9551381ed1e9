"""VBench's temporal flickering: how little consecutive frames differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_length,
    check_video,
)


@dataclass(frozen=True)
class TemporalFlickering(Metric):
    """Score per pair of consecutive frames; the mean over pairs is VBench's score of the video.

    Source: Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models"
    (2024), `vbench/temporal_flickering.py`. It needs no baseline, and a still image scores best.

    Example:
        >>> video = np.stack([np.full((4, 4, 3), level, dtype=np.uint8) for level in (0, 51, 0)])
        >>> TemporalFlickering().values(video).tolist()
        [0.8, 0.8]
    """

    name = "temporal_flickering"
    column = "temporal_flickering"
    label = "Temporal flickering"
    higher_is_better = True
    value_range = (0.0, 1.0)
    needs_reference = False
    per = "frame pair"
    definition = (
        "per pair of consecutive frames (255 - mean absolute difference of all uint8 samples) / "
        "255; mean over pairs"
    )
    source = "VBench vbench/temporal_flickering.py; Huang et al. 2024"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Score of each pair, shape (frames - 1,), range 0..1; see `Metric.values`.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the video has fewer than two frames.
        """
        del reference, about
        return (255.0 - self.mean_absolute_differences(video)) / 255.0

    def mean_absolute_differences(self, video: Frames) -> Values:
        """Mean absolute difference of each pair of frames, shape (frames - 1,), range 0..255.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the video has fewer than two frames.
        """
        check_video(video)
        check_length(self.name, video, 2)
        return np.array(
            [
                # uint8 arithmetic wraps around: widen before subtracting.
                np.mean(np.abs(following.astype(np.int16) - frame))
                for frame, following in pairwise(video)
            ],
            dtype=np.float64,
        )
