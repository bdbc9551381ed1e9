"""How much moves, relative to the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pab_bench.errors import MetricUndefined
from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_length,
    check_pair,
)
from pab_bench.metrics.temporal_flickering import TemporalFlickering


@dataclass(frozen=True)
class MotionRatio(Metric):
    """Change between frames over that of the baseline: below 1 the video has calmed down.

    It is cheap and counts flickering as motion; `dis_motion_ratio` looks at optical flow.

    Example:
        >>> levels = np.array([0, 10, 20], dtype=np.uint8)[:, None, None, None]
        >>> reference = np.broadcast_to(levels, (3, 4, 4, 3))
        >>> MotionRatio().values(reference // 2, reference).tolist()
        [0.5]
    """

    name = "motion_ratio"
    column = "motion_ratio"
    label = "Motion / baseline"
    higher_is_better = None
    ideal = 1.0
    value_range = (0.0, math.inf)
    needs_reference = True
    per = "video"
    definition = (
        "mean absolute difference of consecutive frames (uint8 samples), over that of the baseline"
    )
    source = "ours"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """The ratio, shape (1,), range 0..inf.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if there are fewer than two frames or nothing changes in the
                baseline.
        """
        del about
        reference = check_pair(video, reference)
        check_length(self.name, video, 2)
        ours, theirs = (
            TemporalFlickering().mean_absolute_differences(frames).mean()
            for frames in (video, reference)
        )
        if theirs == 0:
            raise MetricUndefined(f"{self.name}: nothing changes in the baseline")
        return np.array([ours / theirs])
