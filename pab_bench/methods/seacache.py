"""SeaCache: all blocks are left out while what is content in the latents changes little.

Source: SeaCache, arXiv 2602.18993, as diffusers 0.42 has it (`hooks/sea_cache.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pab_bench.engine.places import Run
from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.facts import Need
from pab_bench.methods.seacache_distance import Accumulated, Limits
from pab_bench.methods.search import Search
from pab_bench.problems import InvalidSettings, Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.policy import Policy


@dataclass(frozen=True)
class SeaCache(Acceleration):
    """The method `seacache`.

    Attributes:
        threshold: the accumulated relative change of the filtered latents from which on a call
            computes the blocks.
        order: 0 adds what the blocks changed at the last computed call; 1 extrapolates it from the
            last two.
        first: so many first calls compute in any case; the first one does always.
        last: so many last calls.
        most: so many calls in a row may leave the blocks out; 0 = as many as it comes to.
        exponent: the power of clean latents falls with this power of the frequency.
    """

    threshold: float = 0.25
    order: int = 1
    first: int = 1
    last: int = 1
    most: int = 2
    exponent: float = 3.0

    name: ClassVar[str] = "seacache"
    search: ClassVar[Search | None] = Search("threshold", (0.1, 0.15, 0.25, 0.35, 0.5, 0.7))
    decides_while_sampling: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.finite("threshold", self.threshold, 0, "of at least 0")
        if self.order not in (0, 1):
            problems.add("order", self.order, "must be 0 or 1")
        for key in ("first", "last", "most"):
            problems.at_least(key, getattr(self, key), 0)
        problems.finite("exponent", self.exponent, 0, "above 0")
        if self.exponent == 0:
            problems.add("exponent", self.exponent, "must be a finite number above 0")
        problems.raise_if_any()

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order, and the noise in the latents."""
        return frozenset({"stack", "sigmas"})

    def check(self, about: About, problems: Problems) -> None:
        """Some call must be left that may leave the blocks out."""
        if about.calls is not None and max(1, self.first) + self.last >= about.calls:
            reason = f"with method.last={self.last}: no call of {about.calls} may leave blocks out"
            problems.add("method.first", self.first, reason)

    def plan(self, facts: Facts) -> None:
        """None: it is decided while sampling; a sampler of no flow matching is refused."""
        if not facts.sigmas:
            reason = "needs the part of noise in latents of flow matching, and the sampler has none"
            raise InvalidSettings([Problem(f"method={self.name}", reason)])

    def sure_calls(self, facts: Facts) -> int:
        """The first, or as many as are said."""
        return min(max(1, self.first), facts.calls)

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """The last ones, as many as are said; they compute, too."""
        return frozenset(range(facts.calls - self.last, facts.calls))

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Decide call by call."""
        from pab_bench.methods.seacache_policy import Spectral

        protected = self.protected_calls(facts).union(range(self.first))
        limits = Limits(self.threshold, protected, self.most)
        whole = Run(0, len(facts.stack) - 1)
        own = self.exponent, self.order, whole
        return lambda: Spectral(lambda: Accumulated(limits), facts.sigmas, *own)
