"""A method inside the steps of another: with fewer steps, or where blocks or calls are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pab_bench.engine.kinds import BroadcastObject
from pab_bench.engine.places import Run
from pab_bench.methods.base import About, Acceleration, Facts, Method
from pab_bench.methods.calibration_file import Calibration
from pab_bench.methods.facts import Need
from pab_bench.methods.fewer_steps import FewerSteps
from pab_bench.problems import Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy


@dataclass(frozen=True)
class Combined(Acceleration):
    """Two methods, of which one acts on what the other leaves.

    Inside `fewer_steps` any method acts as if there were no others. Inside a method that leaves out
    blocks or whole calls, one that has a plan of sites acts at the calls and blocks that remain;
    where the output that it would reuse was left out, a site computes.

    Attributes:
        outer: leaves something out.
        inner: acts on what is left.
    """

    outer: Method
    inner: Method

    @property
    def name(self) -> str:  # type: ignore[override]
        """Both names."""
        return f"{self.outer.name}+{self.inner.name}"

    @property
    def needs(self) -> frozenset[Need]:
        """What both need."""
        return self.outer.needs | self.inner.needs

    @property
    def broadcast_object(self) -> BroadcastObject:
        """The inner method's."""
        return self.inner.broadcast_object

    def identity(self, depth: int) -> dict[str, Any]:
        """The outer method's, with the inner one's within."""
        inner = self.inner.identity(depth)
        own = self.outer.identity(depth)["method"]
        return {**inner, "method": {**own, "inside": inner["method"]}}

    def filled(self, about: About) -> Combined:
        """Both, each for the steps that it sees."""
        return Combined(self.outer.filled(about), self.inner.filled(self._inside(about)))

    def check(self, about: About, problems: Problems) -> None:
        """Both, and whether the one can act inside the other."""
        self.outer.check(about, problems)
        self.inner.check(self._inside(about), problems)
        reason = self._meaningless(about.depth)
        if reason:
            problems.found.append(Problem(f"method.inside={self.inner.name}", reason))

    @property
    def calibrated(self) -> Calibration | None:
        """That of the one which has some: an inner one acts on sites, or there is no outer one."""
        return self.outer.calibrated or self.inner.calibrated

    def _inside(self, about: About) -> About:
        made = self.sampled_steps(about.steps)
        return (
            about if made == about.steps else replace(about, steps=made, calls=None, timesteps=())
        )

    def _meaningless(self, depth: int) -> str:
        outer, inner = self.outer.name, self.inner.name
        if isinstance(self.inner, FewerSteps | Combined):
            return f"has steps or methods of its own; set method={inner} method.inside={outer}"
        if inner == "pab" and not any(self.inner.identity(depth)["rules"].values()):
            return "reuses nothing: set its keys, or leave method.inside=null"
        if isinstance(self.outer, FewerSteps):
            return ""
        if "sites" in self.outer.needs:
            return f"{outer} decides about sites itself, so that no other method can"
        if self.inner.needs != {"sites"} or self.inner.policy(_NOTHING) is not None:
            return f"inside {outer} only methods can act that reuse outputs of sites as they are"
        return ""

    @property
    def _decider(self) -> Method:
        """The method whose policy is asked."""
        return self.inner if isinstance(self.outer, FewerSteps) else self.outer

    def sampled_steps(self, steps: int) -> int:
        """The outer method's."""
        return self.outer.sampled_steps(steps)

    def plan(self, facts: Facts) -> Plan | None:
        """What is left out, and what sites do elsewhere."""
        inner = self.inner.plan(facts)
        if isinstance(self.outer, FewerSteps):
            return inner
        from pab_bench.methods.tables import within_what_is_left

        outer = self.outer.plan(facts)
        assert outer is not None
        assert inner is not None
        return within_what_is_left(outer, inner)

    def policy(self, facts: Facts) -> Callable[[], Policy] | None:
        """That of the method which needs one."""
        return self._decider.policy(facts)

    def sure_calls(self, facts: Facts) -> int:
        """That of the method which has a policy."""
        return self._decider.sure_calls(facts)

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """Those of the method which has a policy."""
        return self._decider.protected_calls(facts)

    def most_left_out(self, facts: Facts) -> Run:
        """That of the method which has a policy."""
        return self._decider.most_left_out(facts)

    def replayable_calls(self, facts: Facts) -> int:
        """Those of the method which has a policy."""
        return self._decider.replayable_calls(facts)

    def remarks(self, gates: Sequence[Mapping[tuple[int, int], float]]) -> list[str]:
        """Those of the method which has a policy."""
        return self._decider.remarks(gates)


_NOTHING = Facts((1.0,), 1, 1, ())
