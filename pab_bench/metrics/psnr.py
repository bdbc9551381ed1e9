"""Peak signal-to-noise ratio against the baseline, in dB, and the squared error that it is of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pab_bench.errors import ConfigError
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Metric, Values, check_pair
from pab_bench.metrics.batches import float64_device, in_batches, unit_samples

CAP_DB = 100.0
"""The PAB evaluation's value of a frame without error, or with a mean squared error < 1e-10."""
PIXELS_PER_BATCH = 2**19
SQUARES = np.square(np.arange(256, dtype=np.uint16))
"""Squared differences of uint8 samples."""


@dataclass(frozen=True)
class Psnr(Metric):
    """PSNR per frame; a video's value is the mean of its dB, not the PSNR of its mean error.

    Source: VideoSys `eval/pab/common_metrics/calculate_psnr.py`. Other tools call identical frames
    infinite; here they have the value of the cap, so that a mean exists. The metric `mse`, which
    has no cap, is always measured with it.

    Attributes:
        cap_db: the largest value of a frame, > 0.

    Example:
        >>> reference = np.full((2, 8, 8, 3), 100, dtype=np.uint8)
        >>> Psnr().values(reference + np.uint8(16), reference).round(2).tolist()
        [24.05, 24.05]
        >>> Psnr(cap_db=60).values(reference, reference).tolist()
        [60.0, 60.0]
    """

    name = "psnr"
    column = "psnr_db"
    label = "PSNR"
    unit = "dB"
    higher_is_better = True
    value_range = (0.0, math.inf)
    needs_reference = True
    definition = (
        "per frame 20 log10(1 / sqrt(mse)) with mse the mean squared difference of all RGB samples "
        "in [0, 1], at most the cap (100 dB unless set otherwise), which is also the value of "
        "identical frames; mean over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_psnr.py"
    brings = ("mse",)

    cap_db: float = CAP_DB

    def __post_init__(self) -> None:
        """Refuse a cap that is no number of dB."""
        if not (math.isfinite(self.cap_db) and self.cap_db > 0):
            raise ConfigError(f"psnr: cap_db must be a finite number > 0, got {self.cap_db}")

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """PSNR of each frame in dB, shape (frames,), range 0..cap_db; see `Metric.values`."""
        del about
        theirs = check_pair(video, reference)
        import torch

        device = float64_device(self.device)

        def squared_errors(batch: slice) -> torch.Tensor:
            difference = unit_samples(video[batch], device).double()
            difference -= unit_samples(theirs[batch], device)
            return difference.square_().mean(dim=(1, 2, 3))

        with torch.inference_mode():
            errors = in_batches(video, PIXELS_PER_BATCH, squared_errors)
        decibels: Values = np.full(errors.shape, self.cap_db)
        visible = errors > 0
        decibels[visible] = -10 * np.log10(errors[visible])
        return np.clip(decibels, 0.0, self.cap_db)


@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """Exact mean squared error of samples in [0, 1] per frame.

    Exact means in whole numbers, without the float32 rounding that the PSNR shares with the PAB
    evaluation. It has no cap, and its mean over frames is the pooled error.

    Example:
        >>> reference = np.zeros((1, 8, 8, 3), dtype=np.uint8)
        >>> MeanSquaredError().values(reference + np.uint8(51), reference).tolist()
        [0.04]
    """

    name = "mse"
    column = "mse"
    label = "MSE"
    higher_is_better = False
    value_range = (0.0, 1.0)
    needs_reference = True
    definition = "per frame mean squared difference of all RGB samples in [0, 1]; mean over frames"
    source = "the error that the PSNR is of"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Mean squared error of each frame, shape (frames,), range 0..1; see `Metric.values`."""
        del about
        reference = check_pair(video, reference)
        sums = [
            # uint8 arithmetic wraps around, hence the larger minus the smaller one.
            np.sum(SQUARES[np.maximum(frame, other) - np.minimum(frame, other)], dtype=np.int64)
            for frame, other in zip(video, reference, strict=True)
        ]
        return np.array(sums, dtype=np.float64) / (video[0].size * 255.0**2)
