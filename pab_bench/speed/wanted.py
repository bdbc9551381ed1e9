"""Plans whose speed is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.timings.call_classes import Keeping, plan_calls
from pab_bench.timings.names import plan_name
from pab_bench.timings.rounds import TimedPlan

NOT_BY_CALLS = "its speed is not known from single calls: more than sites is left out in them"


@dataclass(frozen=True)
class WantedPlan:
    """A plan whose speed is wanted.

    Attributes:
        plan: the decisions.
        steps: denoising steps of its videos.
        keeping: how outputs are kept.
        baseline_steps: denoising steps of its baseline, where these are others.
        baseline_calls: of the transformer, in its baseline, likewise.
    """

    plan: Plan
    steps: int
    keeping: Keeping
    baseline_steps: int | None = None
    baseline_calls: int | None = None

    @property
    def name(self) -> str:
        """What it is called among timings."""
        nothing = self.plan.is_baseline()
        return plan_name(self.plan.digest(), self.keeping, nothing, self.baseline_steps)

    def timed(self, first: int = 0) -> TimedPlan:
        """Its calls in classes, from call `first` on."""
        made = plan_calls(self.plan, self.keeping, first)
        classes = {str(kind): count for kind, count in made.classes.items()}
        baseline = self.baseline_steps, self.baseline_calls
        return TimedPlan(self.steps, made.calls, classes, made.reused, *baseline)


def wanted_plan(settings: Settings, plan: Plan, baseline: Plan | None = None) -> WantedPlan:
    """A point's plan, with what else its settings say.

    Args:
        settings: the point.
        plan: its decisions.
        baseline: those of its baseline, where it makes other steps than that.
    """
    keeping = Keeping(settings.method.broadcast_object, settings.cache)
    made = settings.method.sampled_steps(settings.steps)
    if baseline is None or made == settings.steps:
        return WantedPlan(plan, made, keeping)
    return WantedPlan(plan, made, keeping, settings.steps, baseline.calls)
