"""The metrics by name: a new one adds a file and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from pab_bench.errors import ConfigError
from pab_bench.metrics.base import Metric, SetMetric
from pab_bench.metrics.colour_shift import ColourShift
from pab_bench.metrics.difference_flickering import DifferenceFlickering
from pab_bench.metrics.fvd import FrechetVideoDistance
from pab_bench.metrics.lpips import (
    Lpips,
    LpipsNonspatial,
    LpipsSqueeze,
    LpipsSqueezeNonspatial,
    LpipsVgg,
    LpipsVggNonspatial,
)
from pab_bench.metrics.motion_ratio import MotionRatio
from pab_bench.metrics.psnr import CAP_DB, MeanSquaredError, Psnr
from pab_bench.metrics.sharpness_ratio import SharpnessRatio
from pab_bench.metrics.ssim import Ssim
from pab_bench.metrics.stand_ins.alexnet_consistency import AlexnetConsistency
from pab_bench.metrics.stand_ins.blend_smoothness import BlendSmoothness
from pab_bench.metrics.stand_ins.dis_flow import DisDynamicDegree, DisFlow, DisMotionRatio
from pab_bench.metrics.temporal_flickering import TemporalFlickering
from pab_bench.metrics.through_mp4 import through_mp4
from pab_bench.metrics.vbench.aesthetic_quality import AestheticQuality
from pab_bench.metrics.vbench.consistency import BackgroundConsistency, SubjectConsistency
from pab_bench.metrics.vbench.dynamic_degree import DynamicDegree
from pab_bench.metrics.vbench.imaging_quality import ImagingQuality
from pab_bench.metrics.vbench.motion_smoothness import MotionSmoothness
from pab_bench.metrics.vbench.overall_consistency import OverallConsistency
from pab_bench.registry import unknown

THROUGH_MP4: tuple[type[Metric], ...] = (Psnr, MeanSquaredError, Ssim, Lpips)
"""What PAB's authors measured on mp4 files."""

_ALL: tuple[type[Metric] | type[SetMetric], ...] = (
    Psnr,
    Ssim,
    Lpips,
    TemporalFlickering,
    MeanSquaredError,
    LpipsNonspatial,
    LpipsVgg,
    LpipsVggNonspatial,
    LpipsSqueeze,
    LpipsSqueezeNonspatial,
    SubjectConsistency,
    BackgroundConsistency,
    MotionSmoothness,
    DynamicDegree,
    AestheticQuality,
    ImagingQuality,
    OverallConsistency,
    DifferenceFlickering,
    MotionRatio,
    ColourShift,
    SharpnessRatio,
    DisFlow,
    DisDynamicDegree,
    DisMotionRatio,
    AlexnetConsistency,
    BlendSmoothness,
    FrechetVideoDistance,
    *map(through_mp4, THROUGH_MP4),
)

METRICS = {metric.name: metric for metric in _ALL}

DEFAULT = (
    "psnr",
    "ssim",
    "lpips",
    "temporal_flickering",
    "difference_flickering",
    "motion_ratio",
    "colour_shift",
    "sharpness_ratio",
)
"""What is measured unless something else is asked for: quick, without a download."""


@dataclass(frozen=True)
class MetricSettings:
    """What can be set about metrics.

    Attributes:
        psnr_cap_db: the PSNR of identical frames and the largest of any, in dB.
        weights_folder: where weights lie that do not come with the package; None = caches only.
    """

    psnr_cap_db: float = CAP_DB
    weights_folder: str | None = None


def get_metric(
    name: str, device: str = "cpu", settings: MetricSettings | None = None
) -> Metric | SetMetric:
    """Make the metric called `name`.

    Args:
        name: a key of `METRICS`.
        device: where it computes, if it uses torch.
        settings: what else can be set.

    Raises:
        ConfigError: if there is no such metric; it suggests the nearest name and lists all.

    Example:
        >>> get_metric("psnr").column
        'psnr_db'
    """
    if name not in METRICS:
        raise ConfigError(unknown("metric", name, METRICS))
    settings = settings or MetricSettings()
    known: dict[str, Any] = {
        "device": device,
        "cap_db": settings.psnr_cap_db,
        "weights_folder": settings.weights_folder,
    }
    metric = METRICS[name]
    taken = {field.name for field in fields(metric)}  # type: ignore[arg-type]
    return metric(**{key: value for key, value in known.items() if key in taken})


def get_metrics(
    names: Sequence[str], device: str = "cpu", settings: MetricSettings | None = None
) -> list[Metric | SetMetric]:
    """The metrics of these names, each once, with those that they bring along.

    >>> [metric.name for metric in get_metrics(["psnr", "ssim"])]
    ['psnr', 'mse', 'ssim']
    """
    found: dict[str, Metric | SetMetric] = {}
    for name in names:
        metric = get_metric(name, device, settings)
        found[name] = metric
        for brought in metric.brings:
            found.setdefault(brought, get_metric(brought, device, settings))
    return list(found.values())
