"""Structural similarity against the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics.base import Frames, Metric, Values, check_pair, unit_samples

WINDOW = 11
"""Side of the Gaussian window that sigma = 1.5, truncated at 3.5 sigma, gives."""


@dataclass(frozen=True)
class Ssim(Metric):
    """SSIM per frame: the mean of the three channels' mean SSIM maps.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity"
    (2004), with the settings of VideoSys `eval/pab/common_metrics/calculate_ssim.py`, computed by
    scikit-image. Its defaults (uniform 7x7 window, sample covariance) differ by up to 0.04.
    """

    name = "ssim"
    column = "ssim"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    needs_reference = True
    definition = (
        "per frame and RGB channel: 11x11 Gaussian window with sigma 1.5, population variances, "
        "C1 = 0.01^2, C2 = 0.03^2, samples in [0, 1], mean of the map where the window fits; mean "
        "over channels, then over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_ssim.py; Wang et al. 2004"

    def per_frame(self, video: Frames, reference: Frames | None = None) -> Values:
        """SSIM of each frame, shape (frames,), range -1..1; see `Metric.per_frame`.

        Raises:
            InvalidVideo: see `Metric.per_frame`.
            MetricUnavailable: if a side is shorter than the window of 11 pixels.
        """
        reference = check_pair(video, reference)
        if min(video.shape[1:3]) < WINDOW:
            raise MetricUnavailable(
                f"ssim: expected frames of at least {WINDOW}x{WINDOW}, "
                f"got {video.shape[1]}x{video.shape[2]}"
            )
        from skimage.metrics import structural_similarity

        values = [
            structural_similarity(  # type: ignore[no-untyped-call, unused-ignore]
                unit_samples(expected),
                unit_samples(frame),
                channel_axis=-1,
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for frame, expected in zip(video, reference, strict=True)
        ]
        return np.array(values, dtype=np.float64)
