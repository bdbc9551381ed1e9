"""T-GATE: from one call on, the text is no longer looked at and guidance is dropped.

Source: T-GATE, arXiv 2404.02747; HaozheLiu-ST/T-GATE, whose schedule and attention code this is for
image models. Sites and defaults for video models are our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pab_bench.engine.places import At, CallDecision, Look, Place, Tensor, Tensors
from pab_bench.methods.base import About, Acceleration, Facts, plan_of_facts
from pab_bench.methods.facts import Need
from pab_bench.methods.follow import FollowSites
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

HALVES = ("first", "second")


@dataclass(frozen=True)
class TGate(Acceleration):
    """The method `tgate`.

    Cross attention computes at calls before the gate only. From the gate on, one half of the
    guidance batch is computed, and its prediction is taken as it is. What is reused then is the
    mean of what both halves put out at the last call before the gate.

    Attributes:
        gate: the first call without guidance and cross attention.
        interval: before the gate, self-attention computes at calls that it divides.
        interval_after: likewise from the gate on; 1 = always.
        warm_up: up to this call, self-attention always computes.
        half: which half of the batch is computed. No text is looked at any more, so that it hardly
            matters; upstream takes the first.
    """

    gate: int = 10
    interval: int = 5
    interval_after: int = 1
    warm_up: int = 2
    half: Literal["first", "second"] = "first"

    name: ClassVar[str] = "tgate"

    @property
    def needs(self) -> frozenset[Need]:
        """Sites, and halves of the guidance batch."""
        return frozenset({"sites", "rows"})

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("gate", self.gate, 1)
        problems.at_least("interval", self.interval, 1)
        problems.at_least("interval_after", self.interval_after, 1)
        problems.at_least("warm_up", self.warm_up, 0)
        problems.choice("half", self.half, HALVES)
        if self.warm_up >= self.gate:
            problems.add("warm_up", self.warm_up, f"must be below gate={self.gate}")
        problems.raise_if_any()

    def check(self, about: About, problems: Problems) -> None:
        """The gate must lie within the video."""
        if about.calls is not None and self.gate >= about.calls:
            message = f"must be below {about.calls}, the calls of the transformer"
            problems.add("method.gate", self.gate, message)

    def computes(self, call: int) -> bool:
        """Whether self-attention computes at a call.

        >>> "".join("01"[TGate(8, 3, 3).computes(call)] for call in range(12))
        '111100110100'
        """
        if call < self.gate:
            return call <= self.warm_up or call == self.gate - 1 or call % self.interval == 0
        return call % self.interval_after == 0

    def plan(self, facts: Facts) -> Plan:
        """MLPs always compute; all blocks do the same."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import plan_of_groups

        calls = range(facts.calls)
        own = {
            "spatial": [self.computes(call) for call in calls],
            "temporal": [self.computes(call) for call in calls],
            "cross": [call < self.gate for call in calls],
        }
        plan = plan_of_groups(facts, {g: own[g.kind] for g in facts.groups if g.kind in own})
        return replace(plan, rows=tuple(2 if call < self.gate else 1 for call in calls))

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        plan = plan_of_facts(self, facts)
        return lambda: _Gated(plan, self.gate, self.half)


class _Gated(FollowSites):
    places: ClassVar[frozenset[Place]] = frozenset({"site", "call"})

    def __init__(self, plan: Plan, gate: int, half: str) -> None:
        super().__init__(plan)
        self._gate = gate
        self._decision = CallDecision.FIRST_HALF if half == "first" else CallDecision.SECOND_HALF

    def at_call(self, at: At, look: Look) -> CallDecision:
        return CallDecision.COMPUTE if at.call < self._gate else self._decision

    def whole(self, at: At, look: Look, half: Tensor) -> Tensor:
        # Guidance between two equal halves is neither.
        return half.repeat(2, *[1] * (half.dim() - 1))

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        if at.call != self._gate - 1:
            return tensors
        halves = [tensor.chunk(2) for tensor in tensors]
        return [(first + second) / 2 for first, second in halves]
