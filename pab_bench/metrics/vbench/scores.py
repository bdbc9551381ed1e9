"""VBench's normalisation of its 16 dimensions, and the quality, semantic and total score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pab_bench.errors import MetricUnavailable


@dataclass(frozen=True)
class Dimension:
    """One of the 16 dimensions.

    Attributes:
        smallest: raw score that becomes 0.
        largest: raw score that becomes 1; nothing is clipped.
        weight: in the mean of its group.
    """

    smallest: float
    largest: float
    weight: float = 1.0

    def normalised(self, raw: float) -> float:
        """A raw score on the dimension's scale, without its weight."""
        return (raw - self.smallest) / (self.largest - self.smallest)


QUALITY = {
    "subject_consistency": Dimension(0.1462, 1.0),
    "background_consistency": Dimension(0.2615, 1.0),
    "temporal_flickering": Dimension(0.6293, 1.0),
    "motion_smoothness": Dimension(0.706, 0.9975),
    "aesthetic_quality": Dimension(0.0, 1.0),
    "imaging_quality": Dimension(0.0, 1.0),
    "dynamic_degree": Dimension(0.0, 1.0, weight=0.5),
}
SEMANTIC = {
    "object_class": Dimension(0.0, 1.0),
    "multiple_objects": Dimension(0.0, 1.0),
    "human_action": Dimension(0.0, 1.0),
    "color": Dimension(0.0, 1.0),
    "spatial_relationship": Dimension(0.0, 1.0),
    "scene": Dimension(0.0, 0.8222),
    "appearance_style": Dimension(0.0009, 0.2855),
    "temporal_style": Dimension(0.0, 0.364),
    "overall_consistency": Dimension(0.0, 0.364),
}
DIMENSIONS = {**QUALITY, **SEMANTIC}
QUALITY_WEIGHT, SEMANTIC_WEIGHT = 4.0, 1.0


@dataclass(frozen=True)
class Scores:
    """The three summary scores; nothing keeps them within 0..1."""

    quality: float
    semantic: float
    total: float


def scores(raw: Mapping[str, float]) -> Scores:
    """Quality, semantic and total score of a model.

    Args:
        raw: raw score of every dimension, by its name with underscores.

    Raises:
        MetricUnavailable: if a dimension is missing, with the list. The official program counts a
            missing one as a raw 0, which may even be negative after normalisation.
    """
    _check(raw, DIMENSIONS)
    quality, semantic = _group(raw, QUALITY), _group(raw, SEMANTIC)
    total = (QUALITY_WEIGHT * quality + SEMANTIC_WEIGHT * semantic) / (
        QUALITY_WEIGHT + SEMANTIC_WEIGHT
    )
    return Scores(quality, semantic, total)


def _group(raw: Mapping[str, float], dimensions: Mapping[str, Dimension]) -> float:
    _check(raw, dimensions)
    weighted = [one.weight * one.normalised(raw[name]) for name, one in dimensions.items()]
    return sum(weighted) / sum(one.weight for one in dimensions.values())


def _check(raw: Mapping[str, float], dimensions: Mapping[str, Dimension]) -> None:
    missing = [name for name in dimensions if name not in raw]
    if missing:
        raise MetricUnavailable(f"vbench: dimensions without a score: {', '.join(missing)}")
