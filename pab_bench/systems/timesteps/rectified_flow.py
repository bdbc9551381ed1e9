"""Open-Sora's timesteps without torch, so that wrong windows are found within a second.

The same numbers as `pab_bench.systems.open_sora.scheduler`, digit by digit: arithmetic in Python is
in double precision, and rounding each operation's result to float32 or bfloat16 gives what an
operation in that format gives. The scheduler takes the shift from here: a tensor's square root is
up to one unit in the last place off on some processors, which is enough for another timestep.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

TRAIN_TIMESTEPS = 1000
BASE_AREA = 512 * 512
CHUNK = 17
LATENT_FRAMES = 5
"""Latent frames of each whole chunk of frames, as the timestep transform counts them."""

Round = Callable[[float], float]


def float32(value: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def bfloat16(value: float) -> float:
    """The nearest bfloat16, by way of float32."""
    (bits,) = struct.unpack("I", struct.pack("f", value))
    bits += 0x7FFF + (bits >> 16 & 1)  # Half-way cases go to the even neighbour.
    return float(struct.unpack("f", struct.pack("I", bits & 0xFFFF0000))[0])


def rectified_flow_timesteps(
    steps: int, height: int, width: int, frames: int, scale: float, dtype: str
) -> tuple[int, ...]:
    """The timesteps, truncated to integers in the model's dtype, as PAB's decisions see them.

    Args:
        steps: denoising steps.
        height: of the video in pixels.
        width: of the video in pixels.
        frames: of the video: 1, or at least 17.
        scale: the scheduler's `transform_scale`.
        dtype: of the model: `float32`, `float16` or `bfloat16`.
    """
    narrow = {"float32": float32, "bfloat16": bfloat16, "float16": _float16}[dtype]
    # Areas of videos overflow float16; the pipeline computes the shift in float32 there.
    wide = bfloat16 if dtype == "bfloat16" else float32
    shift = timestep_shift(height, width, frames, scale, wide)
    less_one = wide(shift - 1)
    timesteps = []
    for step in range(steps):
        share = float32(float32((1.0 - step / steps) * TRAIN_TIMESTEPS) / TRAIN_TIMESTEPS)
        below = float32(1 + float32(less_one * share))
        timestep = float32(float32(float32(shift * share) / below) * TRAIN_TIMESTEPS)
        timesteps.append(int(narrow(timestep)))
    return tuple(timesteps)


def timestep_shift(
    height: float,
    width: float,
    frames: int,
    scale: float,
    narrow: Round,
    base_area: float = BASE_AREA,
) -> float:
    """How much noisier the timesteps of a video of this size become: 1 = not at all.

    Args:
        height: of the video in pixels.
        width: of the video in pixels.
        frames: of the video: 1, or at least 17.
        scale: the scheduler's `transform_scale`.
        narrow: rounds to the format in which upstream's pipeline holds the three numbers.
        base_area: in pixels, at which a single image is not shifted.
    """
    area = narrow(narrow(height) * narrow(width))
    space = narrow(math.sqrt(narrow(area / base_area)))
    shown = narrow(frames)
    latent = 1.0 if frames == 1 else narrow(narrow(shown // CHUNK) * LATENT_FRAMES)
    return narrow(narrow(space * narrow(math.sqrt(latent))) * float32(scale))


def _float16(value: float) -> float:
    return float(struct.unpack("e", struct.pack("e", value))[0])
