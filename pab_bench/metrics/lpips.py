"""Learned perceptual image patch similarity against the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal

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
from pab_bench.metrics.networks.perceptual import (
    BACKBONES,
    layer_outputs,
    load_backbone,
    load_heads,
)

if TYPE_CHECKING:
    import torch

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""Mean and spread of ImageNet's samples in [-1, 1], by which LPIPS normalises."""
SMALLEST_NORM = 1e-10


@dataclass(frozen=True)
class Lpips(Metric):
    """LPIPS per frame, version 0.1: AlexNet, the distance map's mean over the frame.

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
    (2018), with the settings of VideoSys `eval/pab/common_metrics/calculate_lpips.py`. The heads
    are those of the `lpips` package, whose values these are. AlexNet comes with this package,
    other backbones with torchvision.

    Attributes:
        weights_folder: where the user keeps backbones, looked into before torchvision's cache.
    """

    name = "lpips"
    column = "lpips"
    label = "LPIPS"
    higher_is_better = False
    value_range = (0.0, math.inf)
    needs_reference = True
    definition = (
        "per frame: LPIPS version 0.1, AlexNet, spatial=True on samples in [-1, 1]; mean of the "
        "map; mean over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_lpips.py; Zhang et al. 2018"

    net: ClassVar[Literal["alex", "vgg", "squeeze"]] = "alex"
    spatial: ClassVar[bool] = True
    """Whether the layers' maps are enlarged to the frame before the mean, as upstream does. The
    two ways differ by about 1e-5."""

    weights_folder: str | None = None

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """LPIPS of each frame, shape (frames,), range 0..inf; see `Metric.values`.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if a side is too short for the backbone, a library is not
                installed, or weights are missing or damaged.
        """
        del about
        theirs = check_pair(video, reference)
        backbone = BACKBONES[self.net]
        check_side(self.name, video, backbone.smallest_side)
        return in_batches(
            video,
            backbone.pixels_per_batch,
            lambda batch: self._distances(video[batch], theirs[batch]),
        )

    def _distances(self, video: Frames, reference: Frames) -> torch.Tensor:
        import torch

        backbone = BACKBONES[self.net]
        features = load_backbone(self.net, self.weights_folder, self.device)
        heads = load_heads_once(self.net, self.device)
        count, height, width, _ = video.shape
        # The caller's speed settings (autocast, TF32) must not move a measured number.
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(self.device).type, enabled=False),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            both = torch.cat([unit_samples(frames, self.device) for frames in (video, reference)])
            total = torch.zeros(count, dtype=torch.float64, device=float64_device(self.device))
            outputs = layer_outputs(features, backbone.layers, _normalise(both))
            for output, head in zip(outputs, heads, strict=True):
                output = output / output.norm(dim=1, keepdim=True).add_(SMALLEST_NORM)
                distance = torch.nn.functional.conv2d(
                    (output[:count] - output[count:]).square_(), head
                )[:, 0].to(total)
                if self.spatial:
                    rows, columns = (
                        _enlarged_mean(small, large).to(total)
                        for small, large in zip(distance.shape[1:], (height, width), strict=True)
                    )
                    total += rows @ (distance @ columns).T
                else:
                    total += distance.mean(dim=(1, 2))
        return total


@dataclass(frozen=True)
class LpipsNonspatial(Lpips):
    """LPIPS as the `lpips` package and torchmetrics compute it by default: means per layer."""

    name = "lpips_nonspatial"
    column = "lpips_nonspatial"
    label = "LPIPS (non-spatial)"
    definition = "as lpips, with spatial=False: mean of each layer's map, summed"
    source = "Zhang et al. 2018; the default of the lpips package and of torchmetrics"
    spatial = False


@dataclass(frozen=True)
class LpipsVgg(Lpips):
    """LPIPS with VGG16."""

    name = "lpips_vgg"
    column = "lpips_vgg"
    label = "LPIPS (VGG)"
    definition = "as lpips, with VGG16"
    source = "Zhang et al. 2018"
    net = "vgg"
    weights = (BACKBONES["vgg"].file,)  # type: ignore[assignment]


@dataclass(frozen=True)
class LpipsVggNonspatial(LpipsVgg):
    """LPIPS with VGG16, means per layer."""

    name = "lpips_vgg_nonspatial"
    column = "lpips_vgg_nonspatial"
    label = "LPIPS (VGG, non-spatial)"
    definition = "as lpips_nonspatial, with VGG16"
    spatial = False


@dataclass(frozen=True)
class LpipsSqueeze(Lpips):
    """LPIPS with SqueezeNet 1.1."""

    name = "lpips_squeeze"
    column = "lpips_squeeze"
    label = "LPIPS (SqueezeNet)"
    definition = "as lpips, with SqueezeNet 1.1"
    source = "Zhang et al. 2018"
    net = "squeeze"
    weights = (BACKBONES["squeeze"].file,)  # type: ignore[assignment]


@dataclass(frozen=True)
class LpipsSqueezeNonspatial(LpipsSqueeze):
    """LPIPS with SqueezeNet 1.1, means per layer."""

    name = "lpips_squeeze_nonspatial"
    column = "lpips_squeeze_nonspatial"
    label = "LPIPS (SqueezeNet, non-spatial)"
    definition = "as lpips_nonspatial, with SqueezeNet 1.1"
    spatial = False


load_heads_once = lru_cache(maxsize=4)(load_heads)


def _normalise(samples: torch.Tensor) -> torch.Tensor:
    """Samples in [0, 1] as the networks want them, in place: in [-1, 1], less shift, over scale."""
    shift, scale = (samples.new_tensor(three)[:, None, None] for three in (SHIFT, SCALE))
    return samples.mul_(2 / scale).sub_((1 + shift) / scale)


@lru_cache(maxsize=64)
def _enlarged_mean(small: int, large: int) -> torch.Tensor:
    """What each of `small` samples adds to the mean of the row enlarged bilinearly to `large`.

    Enlarging is linear and separable, so the mean of the enlarged map needs no enlarged map.
    """
    import torch

    enlarged = torch.nn.functional.interpolate(
        torch.eye(small, dtype=torch.float64)[:, None], size=large, mode="linear"
    )
    return enlarged[:, 0].mean(dim=1)
