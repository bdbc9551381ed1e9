"""Optical flow by OpenCV's DIS, in place of the RAFT network, and the metrics that rest on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from pab_bench.errors import MetricUnavailable, MetricUndefined
from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_length,
    check_pair,
    check_side,
    check_video,
)
from pab_bench.metrics.vbench.formulas import fast_motion, frame_interval, moves

SMALLEST_SIDE = 16
SOURCE = "Kroeger et al. 2016, OpenCV DISOpticalFlow (preset medium)"


@dataclass(frozen=True)
class DisFlow(Metric):
    """Speed of the fastest twentieth of a frame, by optical flow, at 8 frames per second.

    VBench's dynamic degree with the DIS flow of OpenCV, before it becomes a yes or no. Shifts by
    1, 3, 6, 8 and 12 pixels give 1.1, 3.1, 6.1, 8.3 and 12.7.
    """

    name = "dis_flow"
    column = "dis_flow_px"
    label = "Motion (DIS flow)"
    unit = "px/frame"
    higher_is_better = None
    value_range = (0.0, math.inf)
    needs_reference = False
    per = "frame pair"
    definition = (
        "per pair of frames (every max(1, round(fps / 8))-th) the mean length of the longest 5 % "
        "of the optical flow's vectors; mean over pairs"
    )
    source = f"{SOURCE}; the tail of VBench's dynamic degree"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Speed per pair of sampled frames, pixels per frame; see `Metric.values`.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if fewer than two frames are sampled, a side is shorter than 16
                pixels, or OpenCV is not installed.
        """
        del reference
        check_video(video)
        sampled = video[:: frame_interval(about.frames_per_second)]
        return np.array([fast_motion(flow) for flow in dis_flows(self.name, sampled)])


@dataclass(frozen=True)
class DisDynamicDegree(Metric):
    """Whether a video moves, by VBench's decision on the DIS flow; of a set, the share that does.

    Longer and calmer motion all looks the same to it: see `dis_flow` for the speed.
    """

    name = "dis_dynamic_degree"
    column = "dis_dynamic_degree"
    label = "Dynamic degree (DIS flow)"
    higher_is_better = True
    value_range = (0.0, 1.0)
    needs_reference = False
    per = "video"
    definition = (
        "1 if at least round(4 frames / 16) pairs have a dis_flow above 6 px at 256 px (scaled "
        "with the smaller side), else 0"
    )
    source = f"{SOURCE}; the decision of VBench's dynamic degree"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """1 or 0, shape (1,); see `DisFlow.values`."""
        del reference
        check_video(video)
        sampled = video[:: frame_interval(about.frames_per_second)]
        speeds = [fast_motion(flow) for flow in dis_flows(self.name, sampled)]
        return np.array([float(moves(speeds, len(sampled), min(video.shape[1:3])))])


@dataclass(frozen=True)
class DisMotionRatio(Metric):
    """Mean optical flow over that of the baseline: below 1 the video has calmed down.

    Unlike `motion_ratio`, flickering hardly counts.
    """

    name = "dis_motion_ratio"
    column = "dis_motion_ratio"
    label = "Motion / baseline (DIS flow)"
    higher_is_better = None
    ideal = 1.0
    value_range = (0.0, math.inf)
    needs_reference = True
    per = "video"
    definition = "mean length of all vectors of the optical flow, over that of the baseline"
    source = SOURCE

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """The ratio, shape (1,), range 0..inf; see `DisFlow.values`.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: as `DisFlow.values`, and if nothing moves in the baseline.
        """
        del about
        reference = check_pair(video, reference)
        ours, theirs = (
            np.mean([np.linalg.norm(flow, axis=2).mean() for flow in dis_flows(self.name, frames)])
            for frames in (video, reference)
        )
        if theirs == 0:
            raise MetricUndefined(f"{self.name}: nothing moves in the baseline")
        return np.array([ours / theirs])


def dis_flows(metric: str, video: Frames) -> Iterator[np.ndarray]:
    """Optical flow from each frame to the next, float32 of shape (height, width, 2), in pixels.

    Raises:
        MetricUnavailable: if there are fewer than two frames, a side is shorter than 16 pixels,
            or OpenCV is not installed.
    """
    check_length(metric, video, 2)
    check_side(metric, video, SMALLEST_SIDE)
    try:
        # Its type stubs leave this class out.
        cv2: Any = import_module("cv2")
    except ImportError as error:
        raise MetricUnavailable(
            f"{metric}: a library cannot be imported: {error} (pip install 'pab_bench[flow]')"
        ) from error
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = (cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in video)
    for grey, following in pairwise(greys):
        yield flow.calc(grey, following, None)
