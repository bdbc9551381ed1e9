"""PNDM's timesteps without torch, so that wrong windows are found within a second.

The same numbers as diffusers' `PNDMScheduler` with all its defaults, as Open-Sora-Plan uses it.
"""

from __future__ import annotations

TRAIN_TIMESTEPS = 1000
FEWEST_STEPS = 4
"""The Runge-Kutta start takes four timesteps."""


def pndm_timesteps(steps: int) -> tuple[int, ...]:
    """The timestep at every call of the transformer: 12 Runge-Kutta calls, then steps - 3 more.

    Args:
        steps: denoising steps, `FEWEST_STEPS` to `TRAIN_TIMESTEPS`.

    Example:
        >>> pndm_timesteps(4)
        (750, 625, 625, 500, 500, 375, 375, 250, 250, 125, 125, 0, 0)
    """
    distance = TRAIN_TIMESTEPS // steps
    rising = [distance * step for step in range(steps)]
    halves = [t + half for t in rising[-FEWEST_STEPS:] for half in (0, distance // 2)]
    # Between the first and the last of the seven, every one is visited twice.
    visits = [t for t in halves[:-1] for _ in range(2)][1:-1]
    return tuple(visits[::-1] + rising[: 1 - FEWEST_STEPS][::-1])
