"""Samples what tells most, fits, searches, and samples what looks best, until the budget is spent.

One object does it for one model; every rule that it tries is an ordinary point in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pab_bench.advice.calibration import calibration
from pab_bench.advice.exposure import Exposure, exposure
from pab_bench.advice.fit import fit, leave_one_out, usable
from pab_bench.advice.lags import get_lags
from pab_bench.advice.model_prices import prices
from pab_bench.advice.search import Front, search
from pab_bench.advice.space import kinds_of, options, rules_of
from pab_bench.advice.surrogate import METRICS, Run, Surrogate, loss_of, prior, value_of
from pab_bench.advice.target import Target, measured, rules_to_beat, stated_target, target_of
from pab_bench.config.settings import Settings
from pab_bench.engine.boundaries import within_transformers
from pab_bench.engine.kinds import Kind
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError
from pab_bench.experiment.identity import baseline_of
from pab_bench.experiment.point import make_point
from pab_bench.experiment.session import open_session
from pab_bench.methods.base import plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.store.records import Record

_log = logging.getLogger(__name__)

SLACK = 1.08
"""When the best rules that are predicted good enough were sampled, the predicted error may be
larger by this factor, then by its square, and so on: predictions err on both sides."""


class AdviceFailed(PabBenchError):
    """A point that the advice needs could not be made."""


@dataclass(frozen=True)
class Trial:
    """Rules that were sampled.

    Attributes:
        name: why: a calibration's name, `to beat` or `candidate`.
        rules: the rules.
        plan: what follows from them.
        exposure: what they reuse.
        predicted: per metric the value that was predicted before they were sampled; empty if
            nothing was fitted yet.
        record: the point.
        was_there: whether the point was in the store already.
    """

    name: str
    rules: Rules
    plan: Plan
    exposure: Exposure
    predicted: Mapping[str, float]
    record: Record
    was_there: bool

    @property
    def measured(self) -> dict[str, float]:
        """The metrics' values."""
        return measured(self.record)

    @property
    def flops_ratio(self) -> float:
        """Operations of the transformer over the baseline's."""
        return float(self.record.cost["flops_ratio"])

    def run(self) -> Run:
        """What a fit needs of it."""
        return Run(self.exposure, {m: loss_of(m, v) for m, v in self.measured.items()})


class Advisor:
    """Finds rules for one model, size, set of prompts and number of steps.

    Args:
        settings: what to advise on; its rules, if it has any, are to be beaten.
        run: the folder of the run.

    Attributes:
        baseline: the baseline's record.
        lags: the recorded differences.
        trials: everything that was sampled, in order.
        target: what is to be reached.

    Raises:
        ConfigError: if there is no target that can be meant.
        AdviceFailed: if the baseline, or rules that are to be beaten, cannot be sampled.
    """

    def __init__(self, settings: Settings, run: Path) -> None:
        stated = stated_target(settings)
        self.settings = replace(settings, task="run", preset="none", notices=())
        self._run = run
        self.trials: list[Trial] = []
        unreused = baseline_of(self.settings)
        made = make_point(unreused, run)
        self.baseline, self.baseline_was_there = made.record, made.cached
        check_point(self.baseline)
        self._session = open_session(unreused)
        self.lags = get_lags(self.settings, self.baseline, self._session)
        self.baseline_plan = plan_of(unreused.method, self._session.sampler, unreused.steps)
        tokens = max(self._session.encode(prompt)[0].tokens for prompt in settings.prompts)
        self.prices = prices(self.settings, self.baseline_plan, tokens)
        self.kinds = kinds_of(list(self.baseline_plan.source))
        self.target = Target() if stated is None else stated
        if stated is None:
            beaten = self.try_rules("to beat", rules_to_beat(settings))
            self.target = target_of(beaten.record, settings)

    @property
    def to_beat(self) -> Trial | None:
        """The rules that are to be beaten, if there are any."""
        return self.trials[0] if self.target.to_beat else None

    @property
    def videos(self) -> int:
        """Videos that the advice rests on, counted as if nothing had been in the store.

        The baseline counts twice: it is sampled again to record differences.
        """
        return len(self.baseline.inputs) * (2 + len(self.trials))

    def advise(self) -> None:
        """Spend the budget."""
        budget = self.settings.advise.budget
        first = calibration(list(self.baseline_plan.source), self.baseline_plan.timesteps, budget)
        for name, rules in first:
            self.try_rules(name, rules)
        while len(self.trials) - (self.to_beat is not None) < budget:
            surrogate = self.surrogate()
            front = self.front(surrogate)
            found = self._next(surrogate, front)
            if found is None:
                _log.info("the front has no further rules that could meet the target")
                return
            self.try_rules("candidate", rules_of(front.chosen[found]))

    def try_rules(self, name: str, rules: Rules) -> Trial:
        """Predict, then sample."""
        method = PyramidAttentionBroadcast(rules, self.settings.method.broadcast_object)
        settings = replace(self.settings, method=method)
        plan = self.plan_of(rules)
        shown = exposure(plan, self.lags)
        runs = usable([trial.run() for trial in self.trials])
        predicted = self.predict(self.surrogate(), shown) if runs else {}
        made = make_point(settings, self._run)
        check_point(made.record)
        trial = Trial(name, rules, plan, shown, predicted, made.record, made.cached)
        self.trials.append(trial)
        _log.info("%s: %s, operations %.3f", name, trial.measured, trial.flops_ratio)
        return trial

    def surrogate(self) -> Surrogate:
        """Fitted to everything that was sampled; without anything, the prior."""
        runs = [trial.run() for trial in self.trials]
        if not usable(runs):
            return prior(list(self.baseline_plan.source))
        return fit(runs, self.target.near())

    def trust(self) -> dict[str, float]:
        """The leave-one-out error of the surrogate; see `leave_one_out`."""
        return leave_one_out([t.run() for t in self.trials], self.target.near())

    def predict(self, surrogate: Surrogate, shown: Exposure) -> dict[str, float]:
        """Per metric the predicted value; PSNR up to the cap of the settings, as it is measured."""
        error = surrogate.error(shown)
        least = {"lpips": 0.0, "psnr": loss_of("psnr", self.settings.psnr_cap_db)}
        return {m: value_of(m, max(surrogate.loss(m, error), least[m])) for m in METRICS}

    def front(self, surrogate: Surrogate) -> Front:
        """The rules that no others beat, by the surrogate."""
        period = self.settings.steps
        found = [
            options(kind, self.baseline_plan, period, self.lags, surrogate, self.prices)
            for kind in self.kinds
        ]
        return search(found, self.target.most_bytes)

    def recommended(self) -> Trial | None:
        """Of the trials that meet the target the cheapest, or with a speedup the best; or None."""
        beaten = self.to_beat
        good = [t for t in self.trials if t is not beaten and self.target.is_met(t.record)]
        if self.target.speedup is not None:
            return min(good, key=lambda t: t.measured["lpips"], default=None)
        return min(good, key=lambda t: (t.flops_ratio, t.measured["lpips"]), default=None)

    def plan_of(self, rules: Rules) -> Plan:
        """What rules mean here."""
        plan = self.baseline_plan
        groups = list(plan.source)
        own = make_plan(rules, plan.timesteps, plan.depth, groups, self.settings.steps)
        return within_transformers(own, plan.transformers)

    def _next(self, surrogate: Surrogate, front: Front) -> int | None:
        """The member of the front to sample; None if all that could meet the target were."""
        tried = {trial.plan.digest() for trial in self.trials}
        if self.target.speedup is not None:
            need = self.prices.baseline * (1 - 1 / self.target.speedup)
            order = [n for n in range(len(front.error)) if front.saved[n] >= need]
            fresh = (n for n in order if self._digest(front.chosen[n]) not in tried)
            return next(fresh, None)
        if not surrogate.runs:
            raise AdviceFailed(
                "none of the sampled rules changes the videos measurably, so that losses cannot be "
                "predicted; are there enough steps for a gap?"
            )
        bound = self.target.largest_error(surrogate)
        while True:
            # The front rises in error and savings alike.
            within = int(np.searchsorted(front.error, bound, side="right")) - 1
            if self._digest(front.chosen[within]) not in tried and within > 0:
                return within
            if within == len(front.error) - 1:
                return None
            bound = max(bound, front.error[max(within, 1)]) * SLACK

    def _digest(self, chosen: Mapping[Kind, GapRule]) -> str:
        return self.plan_of(rules_of(chosen)).digest()


def check_point(record: Record) -> None:
    """Refuse a point without what is needed of it.

    Raises:
        AdviceFailed: naming what it has not.
    """
    if not record.has_numbers:
        reason = record.error or {}
        raise AdviceFailed(f"point {record.id} failed: {reason['type']}: {reason['message']}")
    missing = [m for m in METRICS.values() if record.quality.get(m, {}).get("value") is None]
    if not record.is_baseline and missing:
        raise AdviceFailed(f"point {record.id} has no {' and '.join(missing)}")
    if not record.is_baseline and "flops_ratio" not in record.cost:
        raise AdviceFailed(f"point {record.id}: {record.cost['reason']}")
