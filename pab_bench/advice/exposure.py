"""What a plan reuses, in units of the baseline's own differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.advice.lags import Lags
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan


@dataclass(frozen=True)
class Exposure:
    """The error that every reuse of a plan adds to the residual stream, by the baseline's curves.

    Attributes:
        groups: in the order of the first axis.
        values: (groups, calls, depth): mean squared error; 0 where a site computes.
        beyond: number of visits that reuse what is older than the largest known lag. They have
            that lag's value, which is a lower bound if differences grow with the lag.
    """

    groups: tuple[Group, ...]
    values: npt.NDArray[np.float64]
    beyond: int


def exposure(plan: Plan, lags: Lags) -> Exposure:
    """Look up every reuse of a plan.

    Raises:
        ValueError: if the plan is not for the model and the steps of the baseline.
    """
    groups = tuple(sorted(plan.source))
    for group in groups:
        if group not in lags.mse or lags.mse[group].shape[::2] != (plan.calls, plan.depth):
            raise ValueError("the recorded differences are of another model or number of steps")
    values = np.zeros((len(groups), plan.calls, plan.depth))
    calls, blocks = np.arange(plan.calls)[:, None], np.arange(plan.depth)[None, :]
    beyond = 0
    for number, group in enumerate(groups):
        lag = calls - plan.source[group]
        beyond += int((lag > lags.longest).sum())
        values[number] = lags.mse[group][calls, np.minimum(lag, lags.longest), blocks]
    return Exposure(groups, values, beyond)
