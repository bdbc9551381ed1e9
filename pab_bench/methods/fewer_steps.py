"""The control that every acceleration is held against: the same sampler with fewer steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.search import Search
from pab_bench.problems import Problem, Problems, show
from pab_bench.systems.timesteps.known import check_steps

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan

_NO_STEPS = (
    "must say how many steps are made, such as method.steps=10; contender=own_fewer_steps makes "
    "half of them, which is our choice"
)


@dataclass(frozen=True)
class FewerSteps(Acceleration):
    """The method `fewer_steps`: nothing is reused; the schedule itself is shorter.

    Its baseline makes all `steps` of the configuration; noise and prompts are the same.

    Attributes:
        steps: denoising steps that are made, fewer than the baseline's.
    """

    steps: int | None = None

    name: ClassVar[str] = "fewer_steps"
    search: ClassVar[Search | None] = Search(
        "steps", (0.9, 0.75, 0.6, 0.5, 0.4, 0.33, 0.25), of_steps=True
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        if self.steps is None:
            problems.add("steps", None, _NO_STEPS)
        else:
            problems.at_least("steps", self.steps, 1)
        problems.raise_if_any()

    @property
    def made(self) -> int:
        """Denoising steps that are made."""
        assert self.steps is not None
        return self.steps

    def check(self, about: About, problems: Problems) -> None:
        """It must be fewer steps, and as many as the scheduler can do with."""
        check_steps("method.steps", self.steps, about.schedule, problems)
        if self.made >= about.steps:
            setting = f"method.steps={show(self.steps)}"
            reason = f"must be fewer than the baseline's, steps={about.steps}"
            problems.found.append(Problem(setting, reason))

    def sampled_steps(self, steps: int) -> int:
        """As many as are set, whatever the baseline makes."""
        return self.made

    def plan(self, facts: Facts) -> Plan:
        """Everything computes."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import baseline_plan

        return baseline_plan(facts)
