"""Delta-DiT: what a run of blocks changes is reused, of rear blocks first and of front ones later.

Source: Delta-DiT, arXiv 2406.01125. Which call of a stage computes first is not said in what could
be read of it: here it is the first call of each of the two stages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.delta_dit_pab import DeltaDitPab
from pab_bench.methods.facts import Need
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy


@dataclass(frozen=True)
class DeltaDit(Acceleration):
    """The method `delta_dit`.

    Attributes:
        interval: every interval-th call of a stage computes all blocks; at least 2.
        blocks: how many block pairs the other calls leave out.
        boundary: the first call of the second stage; before it the last `blocks` are left out, from
            it on the first ones. 0 = front blocks only.
    """

    interval: int = 2
    blocks: int | None = None
    boundary: int | None = None

    name: ClassVar[str] = "delta_dit"

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order."""
        return frozenset({"stack"})

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("interval", self.interval, 2)
        for key in ("blocks", "boundary"):
            value, least = getattr(self, key), 1 if key == "blocks" else 0
            if value is None:
                message = "nothing was published for video models; set method."
                problems.add(key, None, f"{message}{key}, or take contender=own_delta_dit")
            else:
                problems.at_least(key, value, least)
        problems.raise_if_any()

    def check(self, about: About, problems: Problems) -> None:
        """Blocks and calls must be there."""
        assert self.blocks is not None
        assert self.boundary is not None
        if self.blocks > about.depth:
            message = f"the model has {about.depth} block pairs"
            problems.add("method.blocks", self.blocks, message)
        if about.calls is not None and self.boundary > about.calls:
            message = f"the transformer is called {about.calls} times"
            problems.add("method.boundary", self.boundary, message)

    def _in_intervals(self, facts: Facts) -> DeltaDitPab:
        assert self.blocks is not None
        assert self.boundary is not None
        depth, calls = len(facts.stack), facts.calls
        stages = {
            f"0-{self.boundary - 1}:{depth - self.blocks}-{depth - 1}": self.boundary > 0,
            f"{self.boundary}-{calls - 1}:0-{self.blocks - 1}": self.boundary < calls,
        }
        intervals = tuple(stage for stage, is_there in stages.items() if is_there)
        return DeltaDitPab(intervals, self.interval, "corrected", "every_gap")

    def plan(self, facts: Facts) -> Plan:
        """Leave out the runs of both stages."""
        return self._in_intervals(facts).plan(facts)

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        return self._in_intervals(facts).policy(facts)
