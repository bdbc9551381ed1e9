"""What a metric declares about itself, and the checks that every metric's input passes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pab_bench.errors import MetricUndefined, PabBenchError
from pab_bench.metrics.mean import Mean
from pab_bench.metrics.weight_files import WeightFile

Frames = NDArray[np.uint8]
"""A decoded RGB video of shape (frames, height, width, 3)."""
Values = NDArray[np.float64]


class InvalidVideo(PabBenchError, ValueError):
    """An array that is not a video, or a video that does not fit its reference."""


@dataclass(frozen=True)
class About:
    """What some metrics must know of a video beside its frames.

    Attributes:
        prompt: the text that it was made from, None if it is not known.
        frames_per_second: at which it is played, > 0.
    """

    prompt: str | None = None
    frames_per_second: float = 8.0


NOTHING_KNOWN = About()


class Declared:
    """What every metric says about itself; tables and figures read it from the records."""

    name: ClassVar[str]
    column: ClassVar[str]
    """Name in tables: the name and, where there is one, the unit."""
    label: ClassVar[str]
    """Name for people, without the unit."""
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool | None]
    """None where neither direction is better: see `ideal`."""
    ideal: ClassVar[float | None] = None
    """The value of a video that equals its baseline, for a metric without a direction."""
    value_range: ClassVar[tuple[float, float]]
    """Smallest and largest possible value, both included."""
    needs_reference: ClassVar[bool]
    per: ClassVar[Literal["frame", "frame pair", "video", "set"]] = "frame"
    definition: ClassVar[str]
    source: ClassVar[str]
    weights: ClassVar[tuple[WeightFile, ...]] = ()
    """Files that the metric needs and that do not come with the package."""
    brings: ClassVar[tuple[str, ...]] = ()
    """Names of metrics that are always measured with this one."""

    @classmethod
    def declaration(cls) -> dict[str, Any]:
        """The same as plain JSON; an infinite end of the range is None."""
        return {
            "metric": cls.name,
            "label": cls.label,
            "unit": cls.unit,
            "higher_is_better": cls.higher_is_better,
            "ideal": cls.ideal,
            "range": [end if math.isfinite(end) else None for end in cls.value_range],
            "per": cls.per,
            "definition": cls.definition,
            "source": cls.source,
            "weights": [file.name for file in cls.weights],
        }


@dataclass(frozen=True)
class Metric(ABC, Declared):
    """Numbers of one video: one per frame, per pair of consecutive frames, or a single one.

    The video value is always the plain mean of these numbers: see `pab_bench.metrics.aggregate`.

    Attributes:
        device: where a metric computes that uses torch; the others ignore it.
    """

    device: str = "cpu"

    @abstractmethod
    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Measure a video.

        Args:
            video: uint8 RGB frames, shape (frames, height, width, 3).
            reference: the baseline's frames, same shape; metrics without a reference ignore it.
            about: what else is known of the video.

        Returns:
            float64 values within `value_range`: shape (frames,), or (frames - 1,) for a metric
            that is measured per frame pair, or (1,) for one of the whole video.

        Raises:
            InvalidVideo: if dtype or shape are wrong, or the two videos differ in shape.
            MetricUnavailable: if this metric cannot be had for a valid video.
        """


class Collector(Protocol):
    """What a metric of a whole set gathers while the videos go by one at a time."""

    def add(self, video: Frames, reference: Frames | None) -> None:
        """Take in a video and its baseline, uint8 of shape (frames, height, width, 3).

        Raises:
            InvalidVideo: as `Metric.values`.
        """

    def result(self) -> Mean:
        """The set's value, or the reason why there is none."""


class SetMetric(ABC, Declared):
    """One number of a set of videos that is no mean over videos."""

    per = "set"

    @abstractmethod
    def collect(self) -> Collector:
        """Begin to measure a set."""


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


def check_length(metric: str, video: Frames, frames: int) -> None:
    """Raise `MetricUnavailable` if a video has fewer frames than a metric needs."""
    if len(video) < frames:
        raise MetricUndefined(f"{metric}: expected at least {frames} frames, got {len(video)}")


def check_side(metric: str, video: Frames, smallest: int) -> None:
    """Raise `MetricUnavailable` if a side of the frames is shorter than a metric needs."""
    height, width = video.shape[1:3]
    if min(height, width) < smallest:
        raise MetricUndefined(
            f"{metric}: expected frames of at least {smallest}x{smallest}, got {height}x{width}"
        )
