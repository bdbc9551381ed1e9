"""Predicts the loss of any plan from the baseline's differences and a few real runs.

A site's output drifts steadily, so that what reuse gets wrong at one call points where it did at
the call before: amplitudes, not squares, add up over the calls. What different sites get wrong has
little to do with each other: there the squares add up. All sites add to the same residual stream,
so the prior, without a single run, is that an error does the same harm wherever it enters. Real
runs then tell how much the groups, and early, middle and late calls, differ from that.

    error(plan) = sum over sites of exp(group weight) * amplitude^2
    amplitude   = sum over the site's reuses of exp(call weight) * sqrt(mse)
    log(loss)   = offset + slope * log(error)        for each metric its own offset and slope

Call weights are piecewise linear between `KNOTS`, evenly spread over the calls. The loss is LPIPS
itself, and for PSNR the mean squared error 10^(-PSNR / 10) of the frames.

This form was chosen on 26 rules and videos of the embedded Latte that the benchmark does not use
(another seed, half of the prompts): left out one by one, losses were predicted within a factor of
about 1.5. Squares that add up over calls, too, did worse (a factor of 2.4 with the first 15 of
these rules); amplitudes that add up over blocks, too, neither better nor worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.advice.exposure import Exposure
from pab_bench.engine.kinds import Group

Array = npt.NDArray[np.float64]

METRICS: Mapping[str, str] = {"lpips": "lpips", "psnr": "psnr_db"}
"""What is predicted, with its column in a record's `quality`."""
KNOTS = 4
GROUP_SPREAD = 1.5
"""Standard deviation of the prior of a group's weight, in natural logarithms; likewise below."""
KNOT_SPREAD = 1.0
SLOPE_SPREAD = 0.3
NOISE = 0.15
LEAST_LOSS: Mapping[str, float] = {"lpips": 1e-6, "psnr": 1e-10}
"""Below it a loss is that of identical videos, and its logarithm says nothing."""


@dataclass(frozen=True)
class Run:
    """A plan that was sampled.

    Attributes:
        exposure: of the plan.
        losses: per metric of `METRICS`; see `loss_of`.
    """

    exposure: Exposure
    losses: Mapping[str, float]


def loss_of(metric: str, value: float) -> float:
    """The loss that a metric's value means: 0 is perfect."""
    return 10 ** (-value / 10) if metric == "psnr" else value


def value_of(metric: str, loss: float) -> float:
    """The metric's value of a loss; the inverse of `loss_of`."""
    return -10 * float(np.log10(loss)) if metric == "psnr" else loss


@dataclass(frozen=True)
class Surrogate:
    """A fitted model, or the prior.

    Attributes:
        groups: in the order of their weights.
        group_weights: natural logarithms of the factors of squared amplitudes.
        knots: of the factors of amplitudes, evenly spread from the first call to the last.
        offsets: per metric; empty without runs: then only `error`, an order, is known.
        slopes: per metric.
        runs: how many runs it was fitted to.
    """

    groups: tuple[Group, ...]
    group_weights: Array
    knots: Array
    offsets: Mapping[str, float]
    slopes: Mapping[str, float]
    runs: int

    def call_weights(self, calls: int) -> Array:
        """(calls,): natural logarithms."""
        return hats(calls, len(self.knots)) @ self.knots

    def error(self, exposure: Exposure) -> float:
        """The sum that orders plans; 0 if nothing is reused."""
        weights = np.exp(self.call_weights(exposure.values.shape[1]))
        amplitudes = np.einsum("gcb,c->gb", np.sqrt(exposure.values), weights)
        return float((np.exp(self.group_weights) * (amplitudes**2).sum(axis=1)).sum())

    def loss(self, metric: str, error: float) -> float:
        """The predicted loss at an `error`.

        Raises:
            KeyError: if there were no runs of this metric.
        """
        if error == 0:
            return 0.0
        return float(np.exp(self.offsets[metric] + self.slopes[metric] * np.log(error)))

    def error_at(self, metric: str, loss: float) -> float:
        """The error at which `loss` is predicted."""
        return float(np.exp((np.log(loss) - self.offsets[metric]) / self.slopes[metric]))


def prior(groups: Sequence[Group]) -> Surrogate:
    """The model without runs: all groups and calls alike."""
    ordered = tuple(sorted(groups))
    return Surrogate(ordered, np.zeros(len(ordered)), np.zeros(KNOTS), {}, {}, 0)


def hats(calls: int, knots: int) -> Array:
    """(calls, knots): how much of each knot there is in each call."""
    places = np.linspace(0, knots - 1, calls)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(knots)[None, :]))
