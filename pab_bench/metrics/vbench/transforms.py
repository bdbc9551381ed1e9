"""How VBench prepares frames for its networks: torchvision's functions, antialiasing off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pab_bench.metrics.base import Frames
from pab_bench.metrics.vbench.formulas import imaging_size

if TYPE_CHECKING:
    import torch

SIDE = 224
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def dino_input(frames: Frames, device: str) -> torch.Tensor:
    """Shorter side 224 (bilinear), not cropped, ImageNet's mean and spread; float32."""
    import torch
    from torch.nn import functional

    images = _images(frames, device)
    images = functional.interpolate(images, size=_shorter_side(frames), mode="bilinear")
    mean, spread = (torch.tensor(v, device=device)[:, None, None] for v in IMAGENET)
    return (images / 255 - mean) / spread


def clip_input(frames: Frames, device: str, whole: bool = False) -> torch.Tensor:
    """Shorter side 224 (bicubic), centre 224x224, CLIP's mean and spread.

    Args:
        frames: uint8, shape (frames, height, width, 3).
        device: where to.
        whole: round resized samples to 0..255, as VBench does where it reads frames as uint8
            (overall consistency); elsewhere it reads floats and keeps the overshoot.
    """
    import torch
    from torch.nn import functional

    height, width = _shorter_side(frames)
    images = _images(frames, device)
    images = functional.interpolate(images, size=(height, width), mode="bicubic")
    if whole:
        images = images.clamp(0, 255).round()
    # Halves are rounded to the even number, as torchvision does.
    top, left = round((height - SIDE) / 2.0), round((width - SIDE) / 2.0)
    images = images[..., top : top + SIDE, left : left + SIDE]
    mean, spread = (torch.tensor(v, device=device)[:, None, None] for v in CLIP)
    return (images / 255 - mean) / spread


def imaging_input(frames: Frames, device: str) -> torch.Tensor:
    """Longer side at most 512 (bilinear), samples in [0, 1]."""
    from torch.nn import functional

    images = _images(frames, device)
    size = imaging_size(*frames.shape[1:3])
    if size != frames.shape[1:3]:
        images = functional.interpolate(images, size=size, mode="bilinear")
    return images / 255


def padded(
    images: torch.Tensor, multiple: Literal[8, 16]
) -> tuple[torch.Tensor, tuple[slice, slice]]:
    """Images whose sides are multiples, edges repeated on both sides; and where the frame lies."""
    from torch.nn import functional

    height, width = images.shape[-2:]
    down, across = -height % multiple, -width % multiple
    top, left = down // 2, across // 2
    images = functional.pad(images, (left, across - left, top, down - top), mode="replicate")
    return images, (slice(top, top + height), slice(left, left + width))


def _images(frames: Frames, device: str) -> torch.Tensor:
    import torch

    return torch.tensor(frames, device=device).permute(0, 3, 1, 2).to(torch.float32)


def _shorter_side(frames: Frames) -> tuple[int, int]:
    height, width = frames.shape[1:3]
    if height <= width:
        return SIDE, int(SIDE * width / height)
    return int(SIDE * height / width), SIDE
