"""Low frequencies of frames, and halves of a guidance batch put together."""

from __future__ import annotations

import torch


def low_frequencies(frames: torch.Tensor) -> torch.Tensor:
    """Keep the low frequencies of every frame.

    Those in a disc around frequency zero of a fifth of the shorter side, rounded down; it has the
    same frequencies of either sign, so that what is real stays real.

    Args:
        frames: real, (..., height, width).

    Returns:
        (..., height, width), in float32 or, if `frames` is, in float64.
    """
    height, width = frames.shape[-2:]
    frames = frames if frames.dtype == torch.float64 else frames.float()
    radius = min(height, width) // 5
    down = _whole_frequencies(height, frames.device)[:, None]
    across = _whole_frequencies(width, frames.device)[: width // 2 + 1]
    disc = down**2 + across**2 <= radius**2
    # Of a real signal half of the frequencies say all.
    low: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(frames) * disc, s=(height, width))
    return low


def _whole_frequencies(number: int, device: torch.device) -> torch.Tensor:
    """0, 1, ..., -2, -1: cycles in a side of `number` values."""
    places = torch.arange(number, device=device)
    return torch.where(places < (number + 1) // 2, places, places - number)


def joined(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Put the halves of a guidance batch together, (batch, ...) each."""
    return torch.cat([first, second.to(first.dtype)])
