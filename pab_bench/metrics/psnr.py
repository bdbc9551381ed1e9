"""Peak signal-to-noise ratio against the baseline, in dB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pab_bench.metrics.base import Frames, Metric, Values, check_pair, unit_samples

CAP_DB = 100.0
"""Value of a frame without error."""
SMALLEST_ERROR = 1e-10
"""Mean squared error below which a frame counts as being without error."""


@dataclass(frozen=True)
class Psnr(Metric):
    """PSNR per frame; a video's value is the mean of its dB, not the PSNR of its mean error.

    Source: VideoSys `eval/pab/common_metrics/calculate_psnr.py`. Other tools call identical frames
    infinite; here, as there, they are 100 dB, so that a mean exists.

    Example:
        >>> reference = np.full((2, 8, 8, 3), 100, dtype=np.uint8)
        >>> Psnr().per_frame(reference + np.uint8(16), reference).round(2).tolist()
        [24.05, 24.05]
    """

    name = "psnr"
    column = "psnr_db"
    higher_is_better = True
    value_range = (0.0, CAP_DB)
    needs_reference = True
    definition = (
        "per frame 20 log10(1 / sqrt(mse)) with mse the mean squared difference of all RGB samples "
        "in [0, 1]; 100 where mse < 1e-10; mean over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_psnr.py"

    def per_frame(self, video: Frames, reference: Frames | None = None) -> Values:
        """PSNR of each frame in dB, shape (frames,), range 0..100; see `Metric.per_frame`."""
        reference = check_pair(video, reference)
        errors = np.array(
            [
                np.mean((unit_samples(frame) - unit_samples(expected)) ** 2)
                for frame, expected in zip(video, reference, strict=True)
            ]
        )
        decibels: Values = np.full(errors.shape, CAP_DB)
        visible = errors >= SMALLEST_ERROR
        decibels[visible] = -10 * np.log10(errors[visible])
        # An error just above the limit would otherwise round to a hair over the cap.
        return np.clip(decibels, *self.value_range)

    def mean_squared_error(self, video: Frames, reference: Frames) -> Values:
        """Exact mean squared error of each frame in [0, 1], shape (frames,).

        Exact means without the float32 rounding that the PSNR shares with the PAB evaluation.
        Unlike the PSNR it has no cap, and its mean over frames is the pooled error.

        Raises:
            InvalidVideo: as `per_frame`.
        """
        reference = check_pair(video, reference)
        return np.array(
            [
                # uint8 arithmetic wraps around: widen before subtracting.
                np.mean((frame / 255.0 - expected / 255.0) ** 2)
                for frame, expected in zip(video, reference, strict=True)
            ]
        )
