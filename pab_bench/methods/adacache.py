"""AdaCache: blocks add what they added last, for as many calls as a codebook gives for a change.

Source: AdaCache, arXiv 2411.02397; AdaCache-DiT/AdaCache 2c6d3ca, its STDiT3 and the configurations
of Open-Sora. For Latte and Open-Sora-Plan the paper has results, and nothing else is published.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from pab_bench.engine.kinds import SPATIAL, TEMPORAL, BroadcastObject, Group
from pab_bench.engine.places import Site
from pab_bench.methods.adacache_rates import ENTRIES, Rates
from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.problems import InvalidSettings, Problem, Problems, one_of, show

if TYPE_CHECKING:
    from pab_bench.engine.policy import Policy

MEASURES = ("temporal", "spatial", "cross_mlp")
CODEBOOKS = ("fast", "slow", "own")
_FAST_30 = (0.08, 0.16, 0.24, 0.32, 0.40, 1.0), (6, 5, 4, 3, 2, 1)
_SLOW_30 = (0.08, 0.16, 0.24, 0.32, 0.40, 1.0), (3, 2, 1, 1, 1, 1)
_FAST_100 = (0.03, 0.05, 0.07, 0.09, 0.11, 1.0), (12, 10, 8, 6, 4, 3)
PUBLISHED = {
    ("open_sora", 30): {"fast": _FAST_30, "slow": _SLOW_30},
    ("open_sora", 100): {"fast": _FAST_100},
}
"""By system and denoising steps: thresholds and rates of each codebook that was published."""
PUBLISHED_MOTION = {("open_sora", 30): (3, 25), ("open_sora", 100): (9, 89)}
"""The first and the last call in which motion counts; calls are counted from 0, upstream's from
1."""
PUBLISHED_BLOCKS = {28: (13,)}
"""By number of block pairs: where changes are measured."""


@dataclass(frozen=True)
class AdaCache(Acceleration):
    """The method `adacache`. Keys that are null are as published, where that is.

    All blocks compute at the same calls of a lane: at call c if c is the last call that computed
    plus the rate, which is 1 at first. The rate is the codebook's for the relative change of
    residuals since that call, over the rate.

    Attributes:
        codebook: `fast` or `slow` as published for Open-Sora with 30 steps (with 100: `fast`), or
            `own`: thresholds and rates that somebody has chosen.
        thresholds: six numbers, each larger than the one before; the last is never compared with.
        rates: for each of them after how many calls the blocks compute again.
        measure: the residuals whose change is measured: of `temporal` or `spatial` self-attention
            behind its gate, or `cross_mlp`: of cross attention and MLP together. Upstream has one
            of them.
        measure_blocks: in which blocks.
        protect_first: so many first calls compute whatever the rate is.
        protect_last: so many last calls.
        motion: whether motion, and its change from one computed call to the next, count as change.
        motion_strides: the distances, in frames, at which residuals are compared.
        motion_first: the first call in which motion counts.
        motion_last: the last one.
        motion_scale: the motion that makes no difference.
        motion_power: of the motion over that scale.
        motion_divisor: of the result.
        motion_gradient: how much a change of motion counts.
    """

    codebook: Literal["fast", "slow", "own"] = "fast"
    thresholds: tuple[float, ...] | None = None
    rates: tuple[int, ...] | None = None
    measure: tuple[str, ...] = ("temporal",)
    measure_blocks: tuple[int, ...] | None = None
    protect_first: int = 1
    protect_last: int = 2
    motion: bool = False
    motion_strides: tuple[int, ...] = (1,)
    motion_first: int | None = None
    motion_last: int | None = None
    motion_scale: float = 0.385
    motion_power: float = 8.0
    motion_divisor: float = 1.0
    motion_gradient: float = 10.0

    name: ClassVar[str] = "adacache"
    broadcast_object: ClassVar[BroadcastObject] = "output"
    decides_while_sampling: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.choice("codebook", self.codebook, CODEBOOKS)
        problems.distinct("measure", self.measure, f"at least {one_of(MEASURES)}")
        for kind in self.measure:
            problems.choice("measure", kind, MEASURES)
        for key in ("measure_blocks", "motion_strides"):
            values, least = getattr(self, key), 0 if key == "measure_blocks" else 1
            if values is None:
                continue
            problems.distinct(key, values, "at least one number")
            if values and min(values) < least:
                problems.add(key, values, f"must be whole numbers of at least {least}")
        problems.at_least("protect_first", self.protect_first, 0)
        problems.at_least("protect_last", self.protect_last, 0)
        for key in ("motion_scale", "motion_divisor"):
            value = getattr(self, key)
            problems.finite(key, value, 0, "above 0")
            if value == 0:
                problems.add(key, value, "must be a finite number above 0")
        for key in ("motion_power", "motion_gradient"):
            problems.finite(key, getattr(self, key), 0, "of at least 0")
        self._check_codebook(problems)
        self._check_motion_calls(problems)
        problems.raise_if_any()

    def _check_codebook(self, problems: Problems) -> None:
        for key in ("thresholds", "rates"):
            values = getattr(self, key)
            if values is None:
                if self.codebook == "own":
                    reason = f"is to be said where codebook=own: {ENTRIES} numbers"
                    problems.add(key, None, reason)
            elif len(values) != ENTRIES:
                problems.add(key, values, f"must be {ENTRIES} numbers")
        thresholds, rates = self.thresholds or (), self.rates or ()
        if not all(0 < a < b < math.inf for a, b in pairwise(thresholds)):
            message = "must be finite numbers above 0, each larger than the one before"
            problems.add("thresholds", thresholds, message)
        if rates and min(rates) < 1:
            problems.add("rates", rates, "must be whole numbers of at least 1")

    def _check_motion_calls(self, problems: Problems) -> None:
        for key in ("motion_first", "motion_last"):
            if (value := getattr(self, key)) is not None:
                problems.at_least(key, value, 0)
        first, last = self.motion_first, self.motion_last
        if first is not None and last is not None and first > last:
            problems.add("motion_first", first, f"must not be above motion_last={last}")

    def filled(self, about: About) -> AdaCache:
        """With the published values where nothing is said."""
        sampling = about.system, about.steps
        thresholds, rates = PUBLISHED.get(sampling, {}).get(self.codebook, (None, None))
        first, last = PUBLISHED_MOTION.get(sampling, (None, None)) if self.motion else (None, None)
        return replace(
            self,
            thresholds=self.thresholds or thresholds,
            rates=self.rates or rates,
            measure_blocks=self.measure_blocks or PUBLISHED_BLOCKS.get(about.depth),
            motion_first=first if self.motion_first is None else self.motion_first,
            motion_last=last if self.motion_last is None else self.motion_last,
        )

    def check(self, about: About, problems: Problems) -> None:
        """A codebook belongs to a model and a number of steps, and blocks must be there."""
        self._check_published(about, problems)
        if self.measure_blocks is None:
            known = ", ".join(
                f"blocks {show(own)} of {depth}" for depth, own in PUBLISHED_BLOCKS.items()
            )
            reason = f"published are {known}, the model has {about.depth}; set it"
            problems.add("method.measure_blocks", None, reason)
        elif max(self.measure_blocks) >= about.depth:
            message = f"must be below {about.depth}, the number of block pairs"
            problems.add("method.measure_blocks", self.measure_blocks, message)
        if not self.motion:
            return
        for key in ("motion_first", "motion_last"):
            if getattr(self, key) is None:
                reason = f"nothing was published for {_sampling(about)}; set it"
                problems.add(f"method.{key}", None, reason)
        if about.calls is not None and (self.motion_last or 0) >= about.calls:
            message = f"must be below {about.calls}, the calls of the transformer"
            problems.add("method.motion_last", self.motion_last, message)

    def _check_published(self, about: About, problems: Problems) -> None:
        if self.codebook == "own":
            return
        published = PUBLISHED.get((about.system, about.steps), {})
        if self.codebook not in published:
            known = ", ".join(
                f"{own} for {system} with {steps} steps"
                for (system, steps), books in PUBLISHED.items()
                for own in books
            )
            reason = (
                f"was not published for {_sampling(about)} ({known}); set method.codebook=own, "
                "method.thresholds and method.rates"
            )
            problems.add("method.codebook", self.codebook, reason)
            return
        for key, value in zip(("thresholds", "rates"), published[self.codebook], strict=True):
            if (own := getattr(self, key)) != value:
                reason = f"is not that of codebook={self.codebook}; set method.codebook=own"
                problems.add(f"method.{key}", own, reason)

    def _check_sites(self, facts: Facts) -> None:
        """Refuse a model that has other sites.

        Raises:
            InvalidSettings: naming what it has not.
        """
        problems = []
        has = ", ".join(sorted(group.description for group in facts.groups))
        if any(group.branch not in ("spatial", "temporal") for group in facts.groups):
            reason = f"is defined for blocks of one stream of tokens, and the model has {has}"
            problems.append(Problem("method=adacache", reason))
        setting = f"method.measure={show(self.measure)}"
        problems += [
            Problem(setting, f"the model has no {_NAMES[kind]} (it has {has})")
            for kind in self.measure
            if not _measured_groups(kind, facts)
        ]
        if self.motion and TEMPORAL not in facts.groups:
            reason = (
                "is measured between frames, which are told apart where there is temporal "
                f"attention; the model has {has}"
            )
            problems.append(Problem("method.motion=true", reason))
        if problems:
            raise InvalidSettings(problems)

    def plan(self, facts: Facts) -> None:
        """None: it is decided while sampling; a model without the sites is refused."""
        self._check_sites(facts)

    def sure_calls(self, facts: Facts) -> int:
        """The protected ones, and the second, since the rate is 1 at first."""
        return min(max(2, self.protect_first), facts.calls)

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """The last ones, as many as are said; they compute, too."""
        return frozenset(range(facts.calls - self.protect_last, facts.calls))

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Decide call by call, for each lane by itself."""
        return partial(self._policy, facts)

    def _policy(self, facts: Facts) -> Policy:
        from pab_bench.methods.adacache_policy import Adaptive, AdaptiveToMotion, Motion

        thresholds, rates, blocks = self.thresholds, self.rates, self.measure_blocks
        assert thresholds is not None
        assert rates is not None
        assert blocks is not None
        protected = self.protected_calls(facts).union(range(self.protect_first))

        def new_rates() -> Rates:
            return Rates(thresholds, rates, protected, self.motion_gradient)

        measured = [site for kind in self.measure for site in _sites(kind, blocks, facts)]
        joined = {mlp: cross for mlp in facts.groups if (cross := _cross_beside(mlp, facts))}
        if not self.motion:
            return Adaptive(new_rates, measured, joined)
        assert self.motion_first is not None
        assert self.motion_last is not None
        motion = Motion(
            self.motion_strides,
            (self.motion_first, self.motion_last),
            self.motion_scale,
            self.motion_power,
            self.motion_divisor,
        )
        return AdaptiveToMotion(new_rates, measured, joined, motion)


_NAMES = {"temporal": "temporal attention", "spatial": "spatial attention", "cross_mlp": "mlp"}


def _sampling(about: About) -> str:
    return f"{about.system} with {about.steps} steps"


def _measured_groups(kind: str, facts: Facts) -> list[Group]:
    """The groups whose sites are measured; of cross attention and MLP, the MLP's."""
    own = {"temporal": TEMPORAL, "spatial": SPATIAL}.get(kind)
    return [g for g in facts.groups if g == own or (own is None and g.kind == "mlp")]


def _sites(kind: str, blocks: tuple[int, ...], facts: Facts) -> list[Site]:
    return [(group, block) for group in _measured_groups(kind, facts) for block in blocks]


def _cross_beside(mlp: Group, facts: Facts) -> Group | None:
    """The cross attention in the blocks of an MLP."""
    crosses = (group for group in facts.groups if group.kind == "cross")
    beside = (group for group in crosses if group.branch == mlp.branch)
    return next(beside, None) if mlp.kind == "mlp" else None
