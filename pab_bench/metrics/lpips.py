"""Learned perceptual image patch similarity against the baseline."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics.base import Frames, Metric, Values, check_pair

if TYPE_CHECKING:
    import torch

WEIGHTS = "alexnet_features.safetensors"
WEIGHTS_SHA256 = "9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9"
SMALLEST_SIDE = 31
"""Below it nothing is left after AlexNet's strides."""
FRAMES_PER_BATCH = 16


@dataclass(frozen=True)
class Lpips(Metric):
    """LPIPS per frame: AlexNet, version 0.1, the distance map's mean over the frame.

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
    (2018), with the settings of VideoSys `eval/pab/common_metrics/calculate_lpips.py`, computed by
    the `lpips` package. The linear heads come with that package, the backbone with ours (see
    `weights/README.md`): nothing is downloaded.
    """

    name = "lpips"
    column = "lpips"
    higher_is_better = False
    value_range = (0.0, float("inf"))
    needs_reference = True
    definition = (
        "per frame: lpips 0.1.4, AlexNet, version 0.1, spatial=True on samples in [-1, 1]; mean "
        "of the map; mean over frames"
    )
    source = "VideoSys eval/pab/common_metrics/calculate_lpips.py; Zhang et al. 2018"

    def per_frame(self, video: Frames, reference: Frames | None = None) -> Values:
        """LPIPS of each frame, shape (frames,), range 0..inf; see `Metric.per_frame`.

        Raises:
            InvalidVideo: see `Metric.per_frame`.
            MetricUnavailable: if a side is shorter than 31 pixels, `lpips` is not installed, or
                the backbone's weights are missing or damaged.
        """
        reference = check_pair(video, reference)
        if min(video.shape[1:3]) < SMALLEST_SIDE:
            raise MetricUnavailable(
                f"lpips: expected frames of at least {SMALLEST_SIDE}x{SMALLEST_SIDE}, "
                f"got {video.shape[1]}x{video.shape[2]}"
            )
        network = _network(self.device)
        batches = [
            slice(start, start + FRAMES_PER_BATCH)
            for start in range(0, len(video), FRAMES_PER_BATCH)
        ]
        return np.concatenate(
            [_distances(network, video[batch], reference[batch], self.device) for batch in batches]
        )


def _distances(network: torch.nn.Module, video: Frames, reference: Frames, device: str) -> Values:
    import torch

    def prepared(frames: Frames) -> torch.Tensor:
        samples = torch.tensor(frames, device=device).permute(0, 3, 1, 2)
        return 2 * (samples.to(torch.float32) / 255) - 1

    # The caller's speed settings (autocast, TF32) must not move a measured number.
    with (
        torch.inference_mode(),
        torch.autocast(torch.device(device).type, enabled=False),
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        maps = network(prepared(video), prepared(reference))
    values: Values = maps.double().mean(dim=(1, 2, 3)).cpu().numpy()
    return values


@lru_cache(maxsize=2)
def _network(device: str) -> torch.nn.Module:
    try:
        import torch
        from safetensors.torch import load

        # Must precede `lpips`, which imports torchvision.
        import pab_bench.torchvision_import  # noqa: F401

        import lpips  # isort: skip
    except ImportError as error:
        raise MetricUnavailable(f"lpips: a library cannot be imported: {error}") from error
    backbone = load(_checked_weights())
    # `lpips` offers no construction without random numbers, nor one without deprecation warnings.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        network: torch.nn.Module = lpips.LPIPS(
            net="alex", version="0.1", pnet_rand=True, spatial=True, verbose=False
        )
    # The package names layer N of torchvision's `features` "sliceK.N".
    trunk = network.get_submodule("net")
    trunk.load_state_dict({name: backbone[_layer(name)] for name in trunk.state_dict()})
    return network.to(device).eval().requires_grad_(False)


def _layer(name: str) -> str:
    return f"features.{name.split('.', 1)[1]}"


def _checked_weights() -> bytes:
    file = resources.files("pab_bench.metrics") / "weights" / WEIGHTS
    try:
        data = file.read_bytes()
    except OSError as error:
        raise MetricUnavailable(f"lpips: the backbone's weights cannot be read: {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise MetricUnavailable(
            f"lpips: {WEIGHTS} is damaged: expected sha256 {WEIGHTS_SHA256}, got {digest}"
        )
    return data
