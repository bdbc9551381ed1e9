"""Frechet video distance between two sets of videos."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.errors import MetricUnavailable, MetricUndefined
from pab_bench.metrics.base import Collector, Frames, SetMetric, Values, check_length, check_pair
from pab_bench.metrics.mean import Mean
from pab_bench.metrics.weight_files import WeightFile, find_weights

if TYPE_CHECKING:
    import torch

I3D = WeightFile(
    "i3d_torchscript.pt",
    "torch",
    "the StyleGAN-V project (github.com/universome/stylegan-v), TorchScript I3D of Kinetics-400",
)
SMALLEST_VIDEO = 10
"""Frames below which the network has nothing to convolve over."""


@dataclass(frozen=True)
class FrechetVideoDistance(SetMetric):
    """FVD of the videos against their baselines, on features of I3D as StyleGAN-V computes it.

    It compares distributions, not pairs. With fewer videos than the 400 features its covariance is
    singular and the number mostly says how few there were; hundreds are customary.

    Attributes:
        device: where the network computes.
        weights_folder: where the user keeps weights, looked into before torchvision's cache.
    """

    name = "fvd"
    column = "fvd"
    label = "FVD"
    higher_is_better = False
    value_range = (0.0, math.inf)
    needs_reference = True
    definition = (
        "Frechet distance between the features (I3D, Kinetics-400, 400 outputs; shorter side 224, "
        "centre crop, [-1, 1]) of all videos and of their baselines"
    )
    source = "Unterthiner et al. 2018, in the StyleGAN-V variant"
    weights = (I3D,)

    device: str = "cpu"
    weights_folder: str | None = None

    def collect(self) -> Collector:
        """See `SetMetric.collect`."""
        return _Features(self)


@dataclass
class _Features:
    metric: FrechetVideoDistance
    ours: list[Values] = field(default_factory=list)
    theirs: list[Values] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    lacking: bool = False

    def add(self, video: Frames, reference: Frames | None) -> None:
        reference = check_pair(video, reference)
        try:
            check_length(self.metric.name, video, SMALLEST_VIDEO)
            (path,) = find_weights(
                self.metric.name, self.metric.weights, self.metric.weights_folder
            )
            network = _network(str(path), self.metric.device)
            features = [_features(network, v, self.metric.device) for v in (video, reference)]
        except MetricUnavailable as error:
            self.reasons.append(str(error))
            self.lacking |= not isinstance(error, MetricUndefined)
            return
        self.ours.append(features[0])
        self.theirs.append(features[1])

    def result(self) -> Mean:
        count = len(self.ours)
        if count < 2:
            reason = "fvd: expected at least 2 videos with features, got " + str(count)
            listed = "; ".join(dict.fromkeys(self.reasons)) or reason
            return Mean(None, reason=listed, missing=tuple(self.reasons), lacking=self.lacking)
        distance = frechet_distance(np.stack(self.ours), np.stack(self.theirs))
        return Mean(distance, count, missing=tuple(self.reasons), lacking=self.lacking)


def frechet_distance(first: Values, second: Values) -> float:
    """Squared Frechet distance between the normal distributions fitted to two sets of features.

    Args:
        first: shape (samples, dimensions), at least two samples.
        second: likewise; the number of samples may differ.

    Example:
        >>> values = np.array([[0.0], [2.0]])
        >>> round(frechet_distance(values, values + 3), 6)
        9.0
    """
    mean_distance = float(np.sum(np.square(first.mean(axis=0) - second.mean(axis=0))))
    one, other = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (first, second))
    # The trace of the root of the product is the sum of the singular values of the product of
    # roots, which needs no root of an asymmetric, perhaps singular matrix.
    root, other_root = (_root(covariance) for covariance in (one, other))
    cross = float(np.linalg.svd(root @ other_root, compute_uv=False).sum())
    return max(0.0, mean_distance + float(np.trace(one) + np.trace(other)) - 2 * cross)


def _root(covariance: Values) -> Values:
    values, vectors = np.linalg.eigh(covariance)
    root: Values = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


@lru_cache(maxsize=1)
def _network(path: str, device: str) -> torch.jit.ScriptModule:
    import torch

    try:
        return torch.jit.load(path, map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise MetricUnavailable(f"fvd: {path} is no TorchScript file: {error}") from error


def _features(network: torch.jit.ScriptModule, video: Frames, device: str) -> Values:
    import torch
    from torch.nn import functional

    frames = torch.tensor(video, device=device).permute(0, 3, 1, 2).float() / 255
    height, width = frames.shape[-2:]
    scale = 224 / min(height, width)
    size = (224, math.ceil(width * scale)) if height < width else (math.ceil(height * scale), 224)
    frames = functional.interpolate(frames, size=size, mode="bilinear", align_corners=False)
    top, left = (frames.shape[-2] - 224) // 2, (frames.shape[-1] - 224) // 2
    frames = frames[..., top : top + 224, left : left + 224] * 2 - 1
    try:
        with torch.inference_mode():
            features = network(
                frames.permute(1, 0, 2, 3)[None], rescale=False, resize=False, return_features=True
            )
        values: Values = features[0].double().cpu().numpy()
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError(
                f"its features of a video have shape {values.shape}, or are not finite"
            )
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # Another network's program raises errors of half a dozen kinds.
        reason = " ".join(str(error).split()[:40])
        raise MetricUnavailable(f"fvd: {I3D.name} is not the I3D network: {reason}") from error
    return values
