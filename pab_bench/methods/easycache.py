"""EasyCache: whole calls are left out while the prediction is expected to change by little.

Source: EasyCache, arXiv 2507.02860; H-EmbodVis/EasyCache, scripts of Wan 2.2 and HunyuanVideo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.easycache_policy import ExpectedChange
from pab_bench.methods.facts import Need
from pab_bench.methods.search import Search
from pab_bench.problems import Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

_LEAST = 2
"""Computed calls that a rate of change takes."""


@dataclass(frozen=True)
class EasyCache(Acceleration):
    """The method `easycache`.

    Attributes:
        threshold: calls are left out while the expected relative changes of the prediction, added
            up since the last computed call, are below it.
        warm_up: so many first calls of a lane compute; at least 2, between which a rate of change
            is measured.
    """

    threshold: float = 0.05
    warm_up: int = 7

    name: ClassVar[str] = "easycache"
    search: ClassVar[Search | None] = Search("threshold", (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4))

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.finite("threshold", self.threshold, 0, "above 0")
        if self.threshold == 0:
            message = "must be a finite number above 0: with it nothing is left out"
            problems.add("threshold", self.threshold, message)
        problems.at_least("warm_up", self.warm_up, _LEAST)
        problems.raise_if_any()

    @property
    def needs(self) -> frozenset[Need]:
        """Whole calls."""
        return frozenset({"call"})

    def check(self, about: About, problems: Problems) -> None:
        """There must be calls that can be left out."""
        if about.calls is not None and (problem := self._all_compute(about.calls)) is not None:
            problems.found.append(problem)

    def _all_compute(self, calls: int) -> Problem | None:
        if self.warm_up + 1 < calls:
            return None
        reason = f"with the last one, all {calls} calls of the transformer would compute"
        return Problem(f"method.warm_up={self.warm_up}", reason)

    def sure_calls(self, facts: Facts) -> int:
        """The warm-up."""
        return min(self.warm_up, facts.calls)

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """The last call of each transformer."""
        called = facts.transformers or (0,) * facts.calls
        return frozenset(c for c in range(facts.calls) if called[c : c + 2] != (called[c],) * 2)

    def plan(self, facts: Facts) -> Plan | None:
        """None: the change of the latents is not known before.

        Raises:
            InvalidSettings: if no call could be left out.
        """
        problem = self._all_compute(facts.calls)
        Problems(found=[] if problem is None else [problem]).raise_if_any()
        return None

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Expect changes, and leave calls out."""
        last = self.protected_calls(facts)
        return partial(ExpectedChange, self.threshold, self.warm_up, last)
