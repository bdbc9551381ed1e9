"""Low frequencies of frames, content of noisy latents, and halves of a guidance batch joined."""

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


_EDGE = 1e-6
"""Sigma is kept so far from 0 and 1."""
_TINY = 1e-16


def content(latents: torch.Tensor, sigma: float, exponent: float) -> torch.Tensor:
    """Filter latents of flow matching, so that content stays and noise goes.

    On each axis the gain is that of a Wiener filter for content whose power is
    1 / |frequency|^exponent: with a = 1 - sigma, a P / (a^2 P + sigma^2). The product of the three
    has a mean of 1.

    Source: SeaCache, arXiv 2602.18993, section 4.1; diffusers 0.42, `hooks/sea_cache.py`.

    Args:
        latents: (batch, channels, frames, height, width).
        sigma: the part of noise in them, 0 to 1.
        exponent: above 0.
    """
    noise = min(max(sigma, _EDGE), 1 - _EDGE)
    signal = 1 - noise
    axes = (-3, -2, -1)
    gains = []
    for axis in axes:
        size = latents.shape[axis]
        frequencies = torch.fft.fftfreq(size, device=latents.device, dtype=torch.float32)
        power = 1 / (frequencies.abs() ** exponent + _TINY)
        gains.append(signal * power / (signal**2 * power + noise**2))
    gain = gains[0][:, None, None] * gains[1][:, None] * gains[2]
    spectrum = torch.fft.fftn(latents.float(), dim=axes) * (gain / gain.mean())
    return torch.fft.ifftn(spectrum, dim=axes).real.to(latents.dtype)
