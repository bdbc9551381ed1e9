"""What a metric declares about itself, and the checks that every metric's input passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pab_bench.errors import PabBenchError

Frames = NDArray[np.uint8]
"""A decoded RGB video of shape (frames, height, width, 3)."""
Values = NDArray[np.float64]


class InvalidVideo(PabBenchError, ValueError):
    """An array that is not a video, or a video that does not fit its reference."""


@dataclass(frozen=True)
class Metric(ABC):
    """One number per frame (or per pair of consecutive frames) of a video.

    The video value is always the plain mean of these numbers: see `pab_bench.metrics.aggregate`.

    Attributes:
        device: where a metric with a network computes; the others ignore it.
    """

    name: ClassVar[str]
    column: ClassVar[str]
    """Name in tables: the name and, where there is one, the unit."""
    higher_is_better: ClassVar[bool]
    value_range: ClassVar[tuple[float, float]]
    """Smallest and largest possible value, both included."""
    needs_reference: ClassVar[bool]
    per: ClassVar[Literal["frame", "frame pair"]] = "frame"
    definition: ClassVar[str]
    source: ClassVar[str]

    device: str = "cpu"

    @abstractmethod
    def per_frame(self, video: Frames, reference: Frames | None = None) -> Values:
        """Measure a video.

        Args:
            video: uint8 RGB frames, shape (frames, height, width, 3).
            reference: the baseline's frames, same shape; metrics without a reference ignore it.

        Returns:
            float64 values within `value_range`: shape (frames,), or (frames - 1,) for a metric
            that is measured per frame pair.

        Raises:
            InvalidVideo: if dtype or shape are wrong, or the two videos differ in shape.
            MetricUnavailable: if this metric cannot be had for a valid video.
        """


def check_video(video: Frames, role: str = "video") -> None:
    """Raise `InvalidVideo` unless `video` is uint8 of shape (frames, height, width, 3)."""
    if not isinstance(video, np.ndarray):
        raise InvalidVideo(f"{role}: expected a numpy array, got {type(video).__name__}")
    if video.dtype != np.uint8:
        raise InvalidVideo(
            f"{role}: expected dtype uint8 (decoded frames, 0..255), got {video.dtype}"
        )
    if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape:
        raise InvalidVideo(
            f"{role}: expected shape (frames, height, width, 3) without empty axes, "
            f"got {video.shape}"
        )


def check_pair(video: Frames, reference: Frames | None) -> Frames:
    """Check both videos, raise `InvalidVideo` if they do not fit, and return the reference."""
    check_video(video)
    if reference is None:
        raise InvalidVideo("reference: expected the baseline's frames, got None")
    check_video(reference, "reference")
    if video.shape != reference.shape:
        raise InvalidVideo(
            f"expected video and reference to have the same shape, "
            f"got {video.shape} and {reference.shape}"
        )
    return reference


def unit_samples(frames: Frames) -> Values:
    """Samples in [0, 1] as float64, carrying the float32 rounding of the PAB evaluation.

    That evaluation divides by 255 in float32. The rounding moves the PSNR of a single changed
    sample (95 dB) by 1.6e-5 dB, more than our tolerance, so it belongs to the definition.
    """
    samples: Values = (frames.astype(np.float32) / np.float32(255)).astype(np.float64)
    return samples
