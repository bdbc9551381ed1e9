"""FORA: all sites compute at the same calls, at a fixed interval, and reuse in between.

Source: FORA, arXiv 2407.01425; prathebaselva/FORA, whose step index runs down, so that the interval
is counted from the last call. It knows self-attention and MLP only: cross attention is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pab_bench.engine.kinds import KINDS
from pab_bench.methods.base import Acceleration, Facts
from pab_bench.methods.search import INTERVALS, Search
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan

PHASES = ("last", "first")


@dataclass(frozen=True)
class Fora(Acceleration):
    """The method `fora`.

    What is kept is the module's output before its gate, which goes through the gate of the call
    that reuses it.

    Attributes:
        interval: every interval-th call computes; at least 2.
        phase: from which call the interval is counted: `last`, as upstream, so that the last call
            computes; or `first`.
        kinds: of sites that reuse.
    """

    interval: int = 3
    phase: Literal["last", "first"] = "last"
    kinds: tuple[str, ...] = KINDS

    name: ClassVar[str] = "fora"
    search: ClassVar[Search | None] = INTERVALS

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("interval", self.interval, 2)
        problems.choice("phase", self.phase, PHASES)
        problems.distinct("kinds", self.kinds, "at least one kind")
        for kind in self.kinds:
            problems.choice("kinds", kind, KINDS)
        problems.raise_if_any()

    def computes(self, call: int, calls: int) -> bool:
        """Whether the sites compute at a call of a video of so many calls.

        >>> [call for call in range(10) if Fora(3).computes(call, 10)]
        [0, 3, 6, 9]
        >>> [call for call in range(11) if Fora(3).computes(call, 11)]
        [0, 1, 4, 7, 10]
        """
        counted = calls - 1 - call if self.phase == "last" else call
        return call == 0 or counted % self.interval == 0

    def plan(self, facts: Facts) -> Plan:
        """All sites of the chosen kinds do the same."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import plan_of_groups

        computes = [self.computes(call, facts.calls) for call in range(facts.calls)]
        chosen = (group for group in facts.groups if group.kind in self.kinds)
        return plan_of_groups(facts, dict.fromkeys(chosen, computes))
