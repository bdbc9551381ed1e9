"""TaylorSeer: outputs are extrapolated from those of the last computed calls.

Source: TaylorSeer, arXiv 2503.06923, as diffusers 0.42 has it (`hooks/taylorseer_cache.py`), whose
default patterns reach no module of most video models: here sites are named by their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pab_bench.engine.kinds import KINDS
from pab_bench.engine.places import At, Look, Tensor, Tensors
from pab_bench.methods.base import About, Acceleration, Facts, plan_of_facts
from pab_bench.methods.factors import Factors
from pab_bench.methods.facts import Need
from pab_bench.methods.follow import FollowCalls, FollowSites
from pab_bench.methods.search import INTERVALS, Search
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

DTYPES = ("float32", "bfloat16", "float16")
_MOST = 4


@dataclass(frozen=True)
class TaylorSeer(Acceleration):
    """The method `taylorseer`.

    Attributes:
        interval: so many calls after a computed one the next computes; at least 2.
        before: so many first calls compute. As upstream, the call after them does not.
        after: all calls from this one on compute; None = none.
        order: of the Taylor polynomial, 0 to 4; 0 reuses.
        dtype: of what is kept; upstream's default.
        kinds: of sites that are extrapolated.
        lite: the prediction of the whole transformer is extrapolated instead, and nothing else is
            kept; `kinds` is then of no account and must be as it is by default.
    """

    interval: int = 5
    before: int = 3
    after: int | None = None
    order: int = 1
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    kinds: tuple[str, ...] = ("spatial", "temporal", "cross")
    lite: bool = False

    name: ClassVar[str] = "taylorseer"
    search: ClassVar[Search | None] = INTERVALS

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("interval", self.interval, 2)
        problems.at_least("before", self.before, 1)
        if self.after is not None:
            problems.at_least("after", self.after, self.before)
        if not 0 <= self.order <= _MOST:
            problems.add("order", self.order, f"must be a whole number from 0 to {_MOST}")
        problems.choice("dtype", self.dtype, DTYPES)
        problems.distinct("kinds", self.kinds, "at least one kind")
        for kind in self.kinds:
            problems.choice("kinds", kind, KINDS)
        if self.lite and self.kinds != TaylorSeer.kinds:
            problems.add("kinds", self.kinds, "has no effect with method.lite=true; remove it")
        problems.raise_if_any()

    @property
    def needs(self) -> frozenset[Need]:
        """Whole calls, or sites."""
        return frozenset({"call"}) if self.lite else frozenset({"sites"})

    def check(self, about: About, problems: Problems) -> None:
        """Something must be extrapolated."""
        calls = about.calls
        if calls is not None and all(self.computes(call) for call in range(calls)):
            message = f"all {calls} calls of the transformer would compute"
            problems.add("method.before", self.before, message)

    def computes(self, call: int) -> bool:
        """Whether a call computes.

        >>> "".join("01"[TaylorSeer().computes(call)] for call in range(16))
        '1110100001000010'
        """
        late = self.after is not None and call >= self.after
        return call < self.before or (call - self.before - 1) % self.interval == 0 or late

    def plan(self, facts: Facts) -> Plan:
        """All blocks do the same."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import (
            baseline_plan,
            last_computed,
            leave_out_calls,
            plan_of_groups,
        )

        computes = [self.computes(call) for call in range(facts.calls)]
        if self.lite:
            plan = leave_out_calls(baseline_plan(facts), last_computed(computes).tolist())
        else:
            chosen = (group for group in facts.groups if group.kind in self.kinds)
            plan = plan_of_groups(facts, dict.fromkeys(chosen, computes))
        return replace(plan, order=self.order)

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        plan = plan_of_facts(self, facts)
        if self.lite:
            return lambda: _Calls(plan, self.order, self.dtype)
        return lambda: _Sites(plan, self.order, self.dtype)


class _Sites(FollowSites):
    def __init__(self, plan: Plan, order: int, dtype: str) -> None:
        super().__init__(plan)
        self._factors = Factors(order, dtype)

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        return self._factors.updated(self.memory, address, at.call, tensors)

    def made(self, at: At, address: Any, kept: Sequence[Tensor]) -> Sequence[Tensor]:
        return self._factors.value(address, at.call, kept)


class _Calls(FollowCalls):
    def __init__(self, plan: Plan, order: int, dtype: str) -> None:
        super().__init__(plan)
        self._factors = Factors(order, dtype)

    def call_ended(self, at: At, look: Look, output: Tensor) -> None:
        address = (at.lane,)
        kept = self._factors.updated(self.memory, address, at.call, (output,))
        self.memory.put(address, kept)

    def call_output(self, at: At, look: Look) -> Tensor:
        address = (at.lane,)
        return self._factors.value(address, at.call, self.memory.get(address, last=False))[0]
