"""The pretrained image networks of LPIPS, and what they see after their ReLU layers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pab_bench.errors import MetricUnavailable
from pab_bench.files import file_digest
from pab_bench.metrics.download import fetch
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Backbone:
    """A torchvision network of which LPIPS reads several layers.

    Attributes:
        model: its name in `torchvision.models`.
        layers: indices in its `features` after which LPIPS looks, in order.
        file: its weights, or None for those that come with this package.
        sha256: digest of the weights' file; torchvision's own names hold its first eight digits.
        smallest_side: of a frame, pixels, below which no sample reaches the last layer.
        pixels_per_batch: of frames that are compared at once; bounds the memory.
    """

    model: str
    layers: tuple[int, ...]
    file: WeightFile | None
    sha256: str
    smallest_side: int
    pixels_per_batch: int


def _torchvision(name: str) -> WeightFile:
    return WeightFile(name, "torch", f"https://download.pytorch.org/models/{name}")


BACKBONES = {
    "alex": Backbone(
        "alexnet",
        (1, 4, 7, 9, 11),
        None,
        "9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9",
        31,
        2**20,
    ),
    "vgg": Backbone(
        "vgg16", (3, 8, 15, 22, 29), _torchvision("vgg16-397923af.pth"), "397923af", 16, 2**18
    ),
    "squeeze": Backbone(
        "squeezenet1_1",
        (1, 4, 7, 9, 10, 11, 12),
        _torchvision("squeezenet1_1-b8a52dc0.pth"),
        "b8a52dc0",
        17,
        2**19,
    ),
}
ALEX_FILE = "alexnet_features.safetensors"


def layer_outputs(
    features: torch.nn.Sequential, layers: tuple[int, ...], images: torch.Tensor
) -> list[torch.Tensor]:
    """What `features` makes of images, after each of the given layers."""
    found = []
    for index, layer in enumerate(features):
        images = layer(images)
        if index in layers:
            found.append(images)
        if index == layers[-1]:
            break
    return found


@lru_cache(maxsize=4)
def load_backbone(net: str, folder: str | None, device: str) -> torch.nn.Sequential:
    """The convolutional part of a backbone with its ImageNet weights.

    Args:
        net: a key of `BACKBONES`.
        folder: where the user keeps weights, or None.
        device: where to put it.

    Raises:
        MetricUnavailable: if torchvision or the weights cannot be had; the message names the file
            and where it belongs.
    """
    try:
        import torch

        import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
        from torchvision import models
    except ImportError as error:
        raise MetricUnavailable(f"lpips: a library cannot be imported: {error}") from error
    backbone = BACKBONES[net]
    # On the meta device nothing is drawn at random, and nothing thrown away.
    with torch.device("meta"):
        features: torch.nn.Sequential = getattr(models, backbone.model)(weights=None).features
    features.load_state_dict(_state(net, backbone, folder), assign=True)
    return features.to(device).eval().requires_grad_(False)


def load_heads(net: str, device: str) -> list[torch.Tensor]:
    """The `lpips` package's weights per layer and channel, version 0.1, shape (1, channels, 1, 1).

    Raises:
        MetricUnavailable: if the package is not installed.
    """
    import torch

    # Only its data are needed; importing it takes a second.
    found = find_spec("lpips")
    if found is None or found.origin is None:
        raise MetricUnavailable("lpips: a library cannot be imported: No module named 'lpips'")
    path = Path(found.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise MetricUnavailable(f"lpips: {path} cannot be read: {error}") from error
    return [state[f"lin{number}.model.1.weight"] for number in range(len(BACKBONES[net].layers))]


def _state(net: str, backbone: Backbone, folder: str | None) -> dict[str, torch.Tensor]:
    import torch
    from safetensors.torch import load

    if backbone.file is None:
        file = resources.files("pab_bench.metrics") / "weights" / ALEX_FILE
        try:
            data = file.read_bytes()
        except OSError as error:
            raise MetricUnavailable(
                f"lpips: the backbone's weights cannot be read: {error}"
            ) from error
        _check_digest(ALEX_FILE, hashlib.sha256(data).hexdigest(), backbone.sha256)
        state = load(data)
    else:
        path = backbone.file.find(folder) or fetch(f"lpips ({net})", backbone.file)
        try:
            digest = file_digest(path)
        except OSError as error:
            raise MetricUnavailable(f"lpips: {path} cannot be read: {error}") from error
        _check_digest(str(path), digest, backbone.sha256)
        state = torch.load(path, map_location="cpu", weights_only=True)
    prefix = "features."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _check_digest(name: str, digest: str, expected: str) -> None:
    if not digest.startswith(expected):
        raise MetricUnavailable(
            f"lpips: {name} is damaged or another file: expected sha256 {expected}, got {digest}"
        )
