"""Trailing DDIM timesteps without torch, so that wrong windows are found within a second.

The same numbers as diffusers' `CogVideoXDDIMScheduler` with `timestep_spacing="trailing"`, digit by
digit: like numpy's `arange`, which it uses, with the step as rounded by the first subtraction.
"""

from __future__ import annotations

import math

TRAIN_TIMESTEPS = 1000


def ddim_trailing_timesteps(steps: int) -> tuple[int, ...] | None:
    """The timestep at every call of the transformer, from 999 downwards, one per step.

    Args:
        steps: denoising steps, 1 to `TRAIN_TIMESTEPS`.

    Returns:
        None for the numbers of steps, 61 is the least, for which the scheduler goes wrong: `arange`
        rounds so that it appends one more timestep, -1, which is no noise level.

    Example:
        >>> ddim_trailing_timesteps(4)
        (999, 749, 499, 249)
    """
    spacing = TRAIN_TIMESTEPS / steps
    if math.ceil(TRAIN_TIMESTEPS / spacing) != steps:
        return None
    rounded = TRAIN_TIMESTEPS - (TRAIN_TIMESTEPS - spacing)
    return tuple(round(TRAIN_TIMESTEPS - step * rounded) - 1 for step in range(steps))
