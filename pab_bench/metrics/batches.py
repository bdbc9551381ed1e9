"""Frames as tensors, a bounded number at a time, so that memory does not grow with the video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import Frames, Values

if TYPE_CHECKING:
    import torch


def batches(video: Frames, most_pixels: int) -> Iterator[slice]:
    """Consecutive slices of a video's frames of at most `most_pixels` pixels, one frame at least.

    Example:
        >>> list(batches(np.zeros((5, 10, 10, 3), np.uint8), 200))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    frames, height, width, _ = video.shape
    size = max(1, most_pixels // (height * width))
    for start in range(0, frames, size):
        yield slice(start, min(start + size, frames))


def in_batches(video: Frames, most_pixels: int, measure: Callable[[slice], torch.Tensor]) -> Values:
    """One number per frame, from the frames of one batch after the other.

    The numbers go into one array made beforehand: if small results outlived their batch, each
    would keep the memory of a freed frame from being used again, and memory would grow after all.
    """
    values = np.empty(len(video))
    for batch in batches(video, most_pixels):
        values[batch] = measure(batch).cpu().numpy()
    return values


def unit_samples(frames: Frames, device: str) -> torch.Tensor:
    """Samples in [0, 1] as float32 of shape (frames, 3, height, width).

    The PAB evaluation divides by 255 in float32, too. The rounding moves the PSNR of a single
    changed sample (95 dB) by 1.6e-5 dB, more than our tolerance, so it belongs to the definition.
    """
    import torch

    # A copy in any case: arrays that are mapped from a file cannot be shared with torch.
    return torch.tensor(frames, device=device).permute(0, 3, 1, 2).to(torch.float32).div_(255)


def float64_device(device: str) -> str:
    """The device itself, or the CPU where the device has no float64 (Metal)."""
    return "cpu" if device.startswith("mps") else device
