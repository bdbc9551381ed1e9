"""Plans whose speed is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.engine.policy import Policy
from pab_bench.methods.base import facts_of, plan_of_facts
from pab_bench.methods.external import External, external_of
from pab_bench.systems.base import Sampler
from pab_bench.timings.call_classes import Keeping, plan_calls
from pab_bench.timings.names import method_text, plan_name
from pab_bench.timings.rounds import TimedPlan


@dataclass(frozen=True)
class WantedPlan:
    """A plan whose speed is wanted.

    Attributes:
        plan: the decisions.
        steps: denoising steps of its videos.
        keeping: how outputs are kept.
        baseline_steps: denoising steps of its baseline, where these are others.
        baseline_calls: of the transformer, in its baseline, likewise.
        policy: makes what decides where the plan does not say all; such a plan is timed by whole
            videos alone, since its calls are not alike.
        method: its method as a text; empty where the plan's table of sites says all.
        external: somebody else's acceleration, which is timed by whole videos, too.
    """

    plan: Plan
    steps: int
    keeping: Keeping
    baseline_steps: int | None = None
    baseline_calls: int | None = None
    policy: Callable[[], Policy] | None = None
    method: str = ""
    external: External | None = None

    @property
    def by_videos_only(self) -> bool:
        """Whether only whole videos tell its time: its calls are not alike."""
        return self.policy is not None or self.external is not None

    @property
    def name(self) -> str:
        """What it is called among timings."""
        nothing = self.plan.is_baseline()
        digest = self.plan.digest()
        return plan_name(digest, self.keeping, nothing, self.baseline_steps, self.method)

    def timed(self, first: int = 0) -> TimedPlan:
        """Its calls in classes, from call `first` on."""
        made = plan_calls(self.plan, self.keeping, first)
        classes = {str(kind): count for kind, count in made.classes.items()}
        baseline = self.baseline_steps, self.baseline_calls
        return TimedPlan(self.steps, made.calls, classes, made.reused, *baseline)


def wanted_plan(settings: Settings, plan: Plan) -> WantedPlan:
    """A point's plan of sites, with what else its settings say.

    Args:
        settings: the point, which makes all steps of its baseline.
        plan: its decisions.
    """
    return WantedPlan(
        plan, settings.steps, Keeping(settings.method.broadcast_object, settings.cache)
    )


def wanted_of_model(settings: Settings, sampler: Sampler) -> WantedPlan:
    """Make a point's plan for a loaded model, with what else its settings say.

    Args:
        settings: the point.
        sampler: its model.
    """
    method, steps = settings.method, settings.steps
    facts = facts_of(method, sampler, steps, settings.guidance)
    policy = method.policy(facts)
    wanted = replace(wanted_plan(settings, plan_of_facts(method, facts)), steps=facts.steps)
    external = external_of(method)
    if policy is not None or external is not None:
        said = method_text(method.identity(settings.model.depth)["method"])
        wanted = replace(wanted, policy=policy, method=said, external=external)
    if facts.steps == steps:
        return wanted
    calls = len(sampler.timesteps(steps))
    return replace(wanted, baseline_steps=steps, baseline_calls=calls)
