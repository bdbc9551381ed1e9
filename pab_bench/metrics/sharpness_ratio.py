"""How sharp the frames are, relative to the baseline."""

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
    check_pair,
    check_side,
)

LUMA = np.array([0.299, 0.587, 0.114])
"""Rec. 601, as JPEG and OpenCV use it."""


@dataclass(frozen=True)
class SharpnessRatio(Metric):
    """High-frequency energy over that of the baseline: below 1 is blurred, above 1 noisy.

    The energy is that of the Laplacian (four neighbours) of the luma, as in Pech-Pacheco et al.,
    "Diatom autofocusing in brightfield microscopy" (2000).
    """

    name = "sharpness_ratio"
    column = "sharpness_ratio"
    label = "Sharpness / baseline"
    higher_is_better = None
    ideal = 1.0
    value_range = (0.0, math.inf)
    needs_reference = True
    per = "video"
    definition = (
        "mean square of the Laplacian (4 neighbours, inside the frame) of the Rec. 601 luma over "
        "all frames, over that of the baseline"
    )
    source = "ours, with the focus measure of Pech-Pacheco et al. 2000"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """The ratio, shape (1,), range 0..inf.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if a side is shorter than 3 pixels or the baseline has no detail.
        """
        del about
        reference = check_pair(video, reference)
        check_side(self.name, video, 3)
        ours, theirs = (
            np.mean([laplacian_energy(frame) for frame in frames]) for frames in (video, reference)
        )
        if theirs == 0:
            raise MetricUndefined(f"{self.name}: the baseline has no detail")
        return np.array([ours / theirs])


def laplacian_energy(frame: Frames) -> float:
    """Mean square of the luma's Laplacian of one frame of shape (height, width, 3), 0..255."""
    luma = frame @ LUMA
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.mean(np.square(around - 4 * luma[1:-1, 1:-1])))
