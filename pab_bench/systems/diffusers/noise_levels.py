"""One scale for the noise of all schedulers: 0 (none) to 1000."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

FULL = 1000


class UnknownSchedule(ValueError):
    """A scheduler whose noise level is not known; the message says why."""


def noise_levels(scheduler: Any) -> tuple[int, ...]:
    """The noise level at every timestep of a scheduler whose timesteps are set, rounded.

    It is the timestep where the scheduler counts those of training (DDIM and its like), 1000 sigma
    for flow matching, and 1000 sigma / (1 + sigma) where sigma is the noise beside a signal of
    variance 1 (EDM).

    Raises:
        UnknownSchedule: if the scheduler is of no sort that is known here, or levels rise.
    """
    name, config = type(scheduler).__name__, scheduler.config
    count = len(scheduler.timesteps)
    if sigmas := flow_sigmas(scheduler):
        levels = [FULL * sigma for sigma in sigmas]
    elif name.startswith("EDM"):
        levels = [FULL * float(s) / (1 + float(s)) for s in scheduler.sigmas[:count]]
    elif "num_train_timesteps" in config and "beta_schedule" in config:
        levels = [FULL * float(t) / config["num_train_timesteps"] for t in scheduler.timesteps]
    else:
        raise UnknownSchedule(f"{name}: what its timesteps mean as a noise level is not known")
    rounded = tuple(round(level) for level in levels)
    if any(later > earlier for earlier, later in pairwise(rounded)):
        raise UnknownSchedule(f"{name}: its noise level rises while sampling: {rounded}")
    if not all(0 <= level <= FULL for level in rounded):
        raise UnknownSchedule(f"{name}: its noise levels are not within 0 and {FULL}: {rounded}")
    return rounded


def flow_sigmas(scheduler: Any) -> tuple[float, ...]:
    """The part of noise in the latents, 0 to 1, at every timestep of a scheduler that has them set.

    Empty where the scheduler is not one of flow matching.
    """
    config = scheduler.config
    if not (type(scheduler).__name__.startswith("FlowMatch") or _is_flow(config)):
        return ()
    sigmas = [float(sigma) for sigma in scheduler.sigmas[: len(scheduler.timesteps)]]
    return tuple(1 - sigma if config.get("invert_sigmas") else sigma for sigma in sigmas)


def _is_flow(config: Any) -> bool:
    return bool(config.get("use_flow_sigmas")) or config.get("prediction_type") == "flow_prediction"
