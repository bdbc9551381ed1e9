"""VBench's motion smoothness with a linear blend in place of the AMT network."""

from __future__ import annotations

from dataclasses import dataclass

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
from pab_bench.metrics.vbench.formulas import smoothness


@dataclass(frozen=True)
class BlendSmoothness(Metric):
    """How near each second frame is to the mean of its neighbours.

    Deterministic and without weights, but it takes any motion for roughness.
    """

    name = "blend_smoothness"
    column = "blend_smoothness"
    label = "Motion smoothness (blend)"
    higher_is_better = True
    value_range = (0.0, 1.0)
    needs_reference = False
    per = "frame pair"
    definition = (
        "VBench's motion smoothness with 0.5 (a + b) as the frame between two even frames a and b"
    )
    source = "the tail of VBench's motion_smoothness"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Smoothness per pair of even frames, shape ((frames - 1) // 2,), range 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the video has fewer than three frames.
        """
        del reference, about
        check_video(video)
        check_length(self.name, video, 3)
        parts = []
        for start in range(0, len(video) - 2, 2):
            three = video[start : start + 3]
            first, _, last = three.astype(np.float32) / np.float32(255)
            parts.append(smoothness(three, np.float32(0.5) * (first + last)[np.newaxis]))
        return np.concatenate(parts)
