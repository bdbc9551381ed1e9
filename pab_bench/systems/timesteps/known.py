"""The timesteps of a number of steps, before a scheduler is loaded.

Standard library only: a wrong setting is reported within a second, not after a model is in memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pab_bench.names import DTYPES
from pab_bench.problems import Problems
from pab_bench.systems.timesteps.ddim_trailing import ddim_trailing_timesteps
from pab_bench.systems.timesteps.pndm import FEWEST_STEPS, pndm_timesteps
from pab_bench.systems.timesteps.rectified_flow import rectified_flow_timesteps

SCHEDULES = ("ddim_leading", "ddim_trailing", "rectified_flow", "pndm")
TRAIN_TIMESTEPS = 1000


def check_steps(key: str, value: int | None, schedule: str | None, problems: Problems) -> None:
    """The scheduler has 1000 timesteps to choose from, and some cannot do with any number.

    Args:
        key: of the number, for messages.
        value: number of denoising steps; None means that nothing was said.
        schedule: formula of the timesteps.
        problems: receives what is wrong.
    """
    if value is None:
        return
    if not 1 <= value <= TRAIN_TIMESTEPS:
        problems.add(key, value, f"must be a whole number from 1 to {TRAIN_TIMESTEPS}")
    elif schedule == "pndm":
        problems.at_least(key, value, FEWEST_STEPS)
    elif schedule == "ddim_trailing" and ddim_trailing_timesteps(value) is None:
        # For some numbers of steps diffusers' trailing timesteps end with -1.
        fewer = next(n for n in range(value, 0, -1) if ddim_trailing_timesteps(n) is not None)
        problems.add(key, value, f"makes diffusers' scheduler end with timestep -1; take {fewer}")


def known_timesteps(
    schedule: str | None,
    steps: int,
    model: Mapping[str, Any] | None = None,
    dtype: str = "float32",
) -> tuple[int, ...] | None:
    """The timesteps of `steps` steps; None if only the loaded scheduler can tell.

    It is None for an impossible number of steps or an impossible video, too.

    `ddim_leading` is DDIM with leading spacing and no offset, one transformer call per step.
    `ddim_trailing` is CogVideoX's: DDIM with trailing spacing, likewise.
    `rectified_flow` is Open-Sora's, which depends on the size of the video and the dtype.
    `pndm` is Open-Sora-Plan's, with nine calls more than steps.

    Args:
        schedule: formula of the timesteps.
        steps: denoising steps.
        model: `height`, `width`, `frames` and `transform_scale`, for `rectified_flow`.
        dtype: of the model, for `rectified_flow`.

    Example:
        >>> known_timesteps("ddim_leading", 4)
        (750, 500, 250, 0)
    """
    if schedule is None or not 1 <= steps <= TRAIN_TIMESTEPS:
        return None
    if schedule == "ddim_leading":
        return tuple(TRAIN_TIMESTEPS // steps * step for step in reversed(range(steps)))
    if schedule == "ddim_trailing":
        return ddim_trailing_timesteps(steps)
    if schedule == "pndm":
        return pndm_timesteps(steps) if steps >= FEWEST_STEPS else None
    if model is None or dtype not in DTYPES:
        return None
    frames = model["frames"]
    if min(model["height"], model["width"], frames) < 1 or 2 <= frames <= 16:
        return None
    scale = model["transform_scale"]
    if not (math.isfinite(scale) and scale > 0):
        return None
    return rectified_flow_timesteps(steps, model["height"], model["width"], frames, scale, dtype)
