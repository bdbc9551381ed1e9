"""DBCache: the middle blocks are left out while the first ones change the tokens as they did.

Source: cache-dit 1.5.3 (`DBCacheConfig`). With one first block, no last ones and no warm-up it is
FirstBlockCache, as diffusers 0.42 has it (`hooks/first_block_cache.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, Literal

from pab_bench.engine.places import Run
from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.dbcache_course import Limits
from pab_bench.methods.dbcache_policy import MiddleBlocks
from pab_bench.methods.facts import Need
from pab_bench.methods.search import Search
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

POLICIES = ("dynamic", "static")
RULES = ("cache_dit", "diffusers")
_MOST_ORDER = 4


@dataclass(frozen=True)
class DBCache(Acceleration):
    """The method `dbcache`.

    A block is one of the stack: a pair of them where spatial and temporal blocks take turns. Calls
    are those of a lane since the transformer was first called.

    Attributes:
        first_blocks: so many first blocks always compute (Fn); what they have changed is compared.
        last_blocks: so many last blocks always compute (Bn), on what the middle ones would give.
        threshold: the middle blocks are left out where the first blocks' change differs by less
            from that of the last call at which the middle ones computed, relative to it. From 1 on
            cache-dit no longer compares.
        warm_up: so many first calls compute everything.
        warm_up_interval: only every so many of these must.
        most_cached: so many calls may leave the middle blocks out; None = any number.
        most_in_a_row: so many neighbouring ones may; None = any number.
        most_change: once the differences of all comparisons add up to so much, all further calls
            compute; None = whatever they add up to.
        steps_mask: for every call of a video 1 = it computes, 0 = it need not; takes the place of
            `warm_up`.
        mask_policy: what calls with a 0 do: `dynamic`, compare as all others do; `static`, leave
            the middle blocks out whatever has changed, so that all is known before sampling.
        order: of the Taylor polynomial by which what the middle blocks change is extrapolated; 0 =
            it is reused as it is.
        rule: whose comparison. `cache_dit`: below the threshold; `diffusers`: not above it, and
            thresholds from 1 on are compared, too.
    """

    first_blocks: int = 8
    last_blocks: int = 0
    threshold: float = 0.08
    warm_up: int = 8
    warm_up_interval: int = 1
    most_cached: int | None = None
    most_in_a_row: int | None = None
    most_change: float | None = None
    steps_mask: tuple[int, ...] | None = None
    mask_policy: Literal["dynamic", "static"] = "dynamic"
    order: int = 0
    rule: Literal["cache_dit", "diffusers"] = "cache_dit"

    name: ClassVar[str] = "dbcache"
    search: ClassVar[Search | None] = Search(
        "threshold", (0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32)
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("first_blocks", self.first_blocks, 1)
        problems.at_least("last_blocks", self.last_blocks, 0)
        _above_zero("threshold", self.threshold, problems)
        problems.at_least("warm_up", self.warm_up, 0)
        problems.at_least("warm_up_interval", self.warm_up_interval, 1)
        for key in ("most_cached", "most_in_a_row"):
            if (most := getattr(self, key)) is not None:
                problems.at_least(key, most, 1)
        if self.most_change is not None:
            _above_zero("most_change", self.most_change, problems)
        if not 0 <= self.order <= _MOST_ORDER:
            problems.add("order", self.order, f"must be a whole number from 0 to {_MOST_ORDER}")
        problems.choice("mask_policy", self.mask_policy, POLICIES)
        problems.choice("rule", self.rule, RULES)
        self._check_mask(problems)
        problems.raise_if_any()

    def _check_mask(self, problems: Problems) -> None:
        mask = self.steps_mask
        if mask is None:
            if self.mask_policy == "static":
                message = "needs method.steps_mask, which it is about"
                problems.add("mask_policy", self.mask_policy, message)
        elif not set(mask) <= {0, 1} or mask[:1] != (1,) or 0 not in mask:
            message = "must be a list of 1 and 0 that begins with a 1 and has a 0"
            problems.add("steps_mask", mask, message)

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order."""
        return frozenset({"stack"})

    @property
    def limits(self) -> Limits:
        """When calls may leave the middle blocks out."""
        return Limits(
            self.threshold,
            self.warm_up,
            self.warm_up_interval,
            self.most_cached,
            self.most_in_a_row,
            self.most_change,
            self.steps_mask,
            self.steps_mask is not None and self.mask_policy == "static",
            self.rule,
        )

    def check(self, about: About, problems: Problems) -> None:
        """There must be blocks and calls that can be left out."""
        if about.blocks is not None:
            self._check_blocks(about.blocks, problems)
        if about.calls is not None:
            self._check_calls(about.calls, problems)

    def _check_blocks(self, blocks: int, problems: Problems) -> None:
        always = self.first_blocks + self.last_blocks
        if always >= blocks:
            message = (
                f"with method.last_blocks={self.last_blocks} all blocks always compute: the model "
                f"has {blocks}; both together must be fewer"
            )
            problems.add("method.first_blocks", self.first_blocks, message)

    def _check_calls(self, calls: int, problems: Problems) -> None:
        if self.steps_mask is not None:
            if len(self.steps_mask) != calls:
                message = (
                    f"has {len(self.steps_mask)} entries, the transformer is called {calls} times"
                )
                problems.add("method.steps_mask", self.steps_mask, message)
        elif self.sure(calls) >= calls:
            message = f"all {calls} calls of the transformer would compute"
            problems.add("method.warm_up", self.warm_up, message)

    def sure(self, calls: int) -> int:
        """How many first calls compute everything, of so many."""
        if self.steps_mask is not None:
            return len(list(takewhile(bool, self.steps_mask)))
        return min(max(1, self.warm_up if self.warm_up_interval == 1 else 1), calls)

    def sure_calls(self, facts: Facts) -> int:
        """The warm-up, or what the mask begins with."""
        return self.sure(facts.calls)

    def plan(self, facts: Facts) -> Plan | None:
        """None, unless a mask says all.

        Raises:
            InvalidSettings: if nothing could be left out.
        """
        problems = Problems()
        self._check_blocks(len(facts.stack), problems)
        self._check_calls(facts.calls, problems)
        problems.raise_if_any()
        return self._masked(facts) if self.limits.is_static else None

    def _masked(self, facts: Facts) -> Plan:
        # Deferred: settings are made before numpy is needed.
        from dataclasses import replace

        import numpy as np

        from pab_bench.methods.tables import baseline_plan, last_computed, leave_out_blocks

        assert self.steps_mask is not None
        run = self._middle(facts)
        stack = np.repeat(np.arange(facts.calls)[:, None], len(facts.stack), axis=1)
        source = last_computed([entry == 1 for entry in self.steps_mask])
        stack[:, run.first : run.last + 1] = source[:, None]
        plan = leave_out_blocks(baseline_plan(facts), facts, stack)
        return replace(plan, order=self.order)

    def most_left_out(self, facts: Facts) -> Run:
        """The middle blocks."""
        return self._middle(facts)

    def _middle(self, facts: Facts) -> Run:
        return Run(self.first_blocks, len(facts.stack) - self.last_blocks - 1)

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Compare, and leave out the middle blocks."""
        return partial(MiddleBlocks, self.limits, self.order, self._middle(facts))


def _above_zero(key: str, value: float, problems: Problems) -> None:
    problems.finite(key, value, 0, "above 0")
    if value == 0:
        problems.add(key, value, "must be a finite number above 0: with it nothing is left out")
