"""Plans whose speed is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.timings.call_classes import Keeping, plan_calls
from pab_bench.timings.names import plan_name
from pab_bench.timings.rounds import TimedPlan


@dataclass(frozen=True)
class WantedPlan:
    """A plan whose speed is wanted.

    Attributes:
        plan: the decisions.
        steps: denoising steps of its videos.
        keeping: how outputs are kept.
    """

    plan: Plan
    steps: int
    keeping: Keeping

    @property
    def name(self) -> str:
        """What it is called among timings."""
        return plan_name(self.plan.digest(), self.keeping, self.plan.is_baseline())

    def timed(self, first: int = 0) -> TimedPlan:
        """Its calls in classes, from call `first` on."""
        made = plan_calls(self.plan, self.keeping, first)
        classes = {str(kind): count for kind, count in made.classes.items()}
        return TimedPlan(self.steps, made.calls, classes, made.reused)


def wanted_plan(settings: Settings, plan: Plan) -> WantedPlan:
    """A point's plan, with what else its settings say."""
    keeping = Keeping(settings.method.broadcast_object, settings.cache)
    return WantedPlan(plan, settings.steps, keeping)
