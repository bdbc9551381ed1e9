"""Structural similarity against the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_pair,
    check_side,
)
from pab_bench.metrics.batches import float64_device, in_batches, unit_samples

if TYPE_CHECKING:
    import torch

WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
PIXELS_PER_BATCH = 2**20
SAMPLES_PER_STRIP = 2**16
"""Of one quantity; what is computed at once then stays in the processor's cache."""
BAND = 32
"""Local means computed by one matrix product: small enough to waste little on the zeros of the
banded matrix, large enough for the product to be fast."""


@dataclass(frozen=True)
class Ssim(Metric):
    """SSIM per frame: the mean of the three channels' mean SSIM maps.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity"
    (2004), with the settings of VideoSys `eval/pab/common_metrics/calculate_ssim.py`. It equals
    scikit-image's with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    data_range=1`; its defaults (uniform 7x7 window, sample covariance) differ by up to 0.04.
    """

    name = "ssim"
    column = "ssim"
    label = "SSIM"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    needs_reference = True
    definition = (
        "per frame and RGB channel: 11x11 Gaussian window with sigma 1.5, population variances, "
        "C1 = 0.01^2, C2 = 0.03^2, samples in [0, 1], mean of the map where the window fits; mean "
        "over channels, then over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_ssim.py; Wang et al. 2004"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """SSIM of each frame, shape (frames,), range -1..1; see `Metric.values`.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if a side is shorter than the window of 11 pixels.
        """
        del about
        theirs = check_pair(video, reference)
        check_side(self.name, video, WINDOW)
        import torch

        device = float64_device(self.device)

        def similarities(batch: slice) -> torch.Tensor:
            sides = (unit_samples(frames[batch], device).double() for frames in (video, theirs))
            return _similarities(*sides)

        with torch.inference_mode():
            values = in_batches(video, PIXELS_PER_BATCH, similarities)
        # Rounding may lead a hair out of the range.
        return np.clip(values, *self.value_range)


def _similarities(video: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """SSIM of frames of shape (frames, 3, height, width), float64, shape (frames,)."""
    frames, channels, height, width = video.shape
    ours, theirs = (side.reshape(-1, height, width) for side in (video, reference))
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    most = SAMPLES_PER_STRIP if video.device.type == "cpu" else ours.numel()
    strip = min(rows, max(BAND, most // width))
    planes = max(1, most // ((strip + WINDOW - 1) * width))
    sums = video.new_zeros(len(ours))
    for plane in range(0, len(ours), planes):
        for row in range(0, rows, strip):
            part = slice(plane, plane + planes), slice(row, row + strip + WINDOW - 1)
            sums[part[0]] += _similarity_map(ours[part], theirs[part]).sum(dim=(1, 2))
    return sums.reshape(frames, channels).mean(dim=1) / (rows * columns)


def _similarity_map(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIM at every place where the window fits, for planes of shape (planes, height, width)."""
    import torch

    # The sum of both variances is all that the formula needs, so four local means do.
    means = local_means(torch.stack([x, y, x * x + y * y, x * y]))
    mean_x, mean_y, squares, products = means
    crossed = mean_x * mean_y
    powers = mean_x.square_().add_(mean_y.square_())
    covariance = products.sub_(crossed).mul_(2).add_(C2)
    variances = squares.sub_(powers).add_(C2)
    return crossed.mul_(2).add_(C1).mul_(covariance).div_(powers.add_(C1).mul_(variances))


def local_means(planes: torch.Tensor) -> torch.Tensor:
    """Gaussian means over the 11x11 window, where it fits.

    The window is separable, and each direction is a product with a banded matrix: on the CPU
    several times faster than a convolution, which torch does not optimise for float64.

    Args:
        planes: float64, shape (..., height, width), contiguous.

    Returns:
        Shape (..., height - 10, width - 10).
    """
    *leading, height, width = planes.shape
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    flat = planes.reshape(-1, height, width)
    down = flat.new_empty((len(flat), rows, width))
    for start in range(0, rows, BAND):
        length = min(BAND, rows - start)
        part = flat[:, start : start + length + WINDOW - 1]
        down[:, start : start + length] = _banded(length, str(flat.device)) @ part
    down = down.reshape(-1, width)
    across = down.new_empty((len(down), columns))
    for start in range(0, columns, BAND):
        length = min(BAND, columns - start)
        part = down[:, start : start + length + WINDOW - 1]
        across[:, start : start + length] = part @ _banded(length, str(flat.device)).T
    return across.reshape(*leading, rows, columns)


@lru_cache(maxsize=4 * BAND)
def _banded(length: int, device: str) -> torch.Tensor:
    """Row i holds the window's weights from column i on; shape (length, length + 10)."""
    import torch

    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights /= weights.sum()
    matrix = torch.zeros(length, length + WINDOW - 1, dtype=torch.float64)
    for row in range(length):
        matrix[row, row : row + WINDOW] = weights
    return matrix.to(device)
