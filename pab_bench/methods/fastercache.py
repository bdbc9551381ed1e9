"""FasterCache: attention is extrapolated, and half of the guidance batch made of the other.

Source: FasterCache, arXiv 2410.19355; Vchitect/FasterCache, the scripts of Latte, Open-Sora and
Open-Sora-Plan. What diffusers has under the same name is the method `fastercache_diffusers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pab_bench.methods.base import About, Acceleration, Facts, plan_of_facts
from pab_bench.methods.facts import Need
from pab_bench.methods.guidance_cache import CONDITIONAL, HALVES
from pab_bench.methods.published import Published, published, refuse_unpublished
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

WHOLE = ("compute", "repeat")
SIDES = ("upstream", "right")


def _scripts(values: str, **others: Any) -> dict[str, Any]:
    """The numbers of a script in the order of the fields, of which `others` have more."""
    keys = ("attention_first", "attention_gap", "guidance_first", "guidance_gap", "low_last")
    numbers = dict(zip((*keys, "high_first"), map(int, values.split()), strict=True))
    return {**numbers, "weight_rise": 0.0, "low_factor": 1.1, "high_factor": 1.1, **others}


PUBLISHED: Published = {
    ("latte", 50): _scripts("15 2 17 5 43 44", weight=0.5, whole="compute"),
    ("open_sora", 30): _scripts(
        "7 2 11 5 24 19", weight=0.045, weight_rise=0.045, whole="repeat",
        low_factor=1.15, high_factor=1.15,
    ),
    ("open_sora_plan", 150): _scripts(
        "45 3 39 6 129 130", weight=0.3, whole="compute", high_factor=1.2
    ),
}  # fmt: skip
"""By system and denoising steps. Calls are counted from 0; the scripts count them from 1."""


@dataclass(frozen=True)
class FasterCache(Acceleration):
    """The method `fastercache`. Keys that are null are as published, where that is.

    Attributes:
        attention_first: the first call that extrapolates self-attention.
        attention_gap: of so many calls from that one on, the last computes.
        weight: how much of the difference of the last two computed outputs is added to the last, at
            `attention_first`.
        weight_rise: by how much the weight grows from call to call.
        guidance_first: the first call that computes the conditional half only.
        guidance_gap: from there on, calls whose number, counted from 1, it divides are whole.
        low_factor: low frequencies of what the halves differ by are multiplied by it before every
            use, and stay so until the next whole call; up to `low_last`.
        low_last: the last call that does.
        high_factor: likewise for high frequencies, from `high_first` on.
        high_first: the first call that does.
        half: what a call of one half takes of attention that a whole call has kept: `upstream` the
            first half, which in most systems is that of the negative prompt; `right` its own.
        whole: what a whole call does that would extrapolate attention of one half: `compute`, or
            `repeat` it for the other half.
        conditional: which half of the guidance batch has the prompt; null = as the system says.
    """

    attention_first: int | None = None
    attention_gap: int | None = None
    weight: float | None = None
    weight_rise: float | None = None
    guidance_first: int | None = None
    guidance_gap: int | None = None
    low_factor: float | None = None
    low_last: int | None = None
    high_factor: float | None = None
    high_first: int | None = None
    half: Literal["upstream", "right"] = "upstream"
    whole: Literal["compute", "repeat"] | None = None
    conditional: Literal["first", "second"] | None = None

    name: ClassVar[str] = "fastercache"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        for key in ("attention_first", "guidance_first"):
            if (value := getattr(self, key)) is not None:
                problems.at_least(key, value, 1)
        for key in ("attention_gap", "guidance_gap"):
            if (value := getattr(self, key)) is not None:
                problems.at_least(key, value, 2)
        for key in ("low_last", "high_first"):
            if (value := getattr(self, key)) is not None:
                problems.at_least(key, value, 0)
        for key in ("weight", "weight_rise", "low_factor", "high_factor"):
            problems.finite(key, getattr(self, key), 0, "of at least 0")
        problems.choice("half", self.half, SIDES)
        problems.choice("whole", self.whole, WHOLE)
        problems.choice("conditional", self.conditional, HALVES)
        problems.raise_if_any()

    @property
    def needs(self) -> frozenset[Need]:
        """Sites, and halves of the guidance batch."""
        return frozenset({"sites", "rows"})

    def filled(self, about: About) -> FasterCache:
        """With the published values where nothing is said."""
        own = {**published(self, PUBLISHED, about)}
        return replace(self, **own, conditional=self.conditional or CONDITIONAL.get(about.system))

    def check(self, about: About, problems: Problems) -> None:
        """Where nothing was published all must be said, and something be left out."""
        needed = [entry.name for entry in fields(self)]
        before = len(problems.found)
        refuse_unpublished(self, needed, PUBLISHED, about, problems)
        if about.calls is None or len(problems.found) > before:
            return
        firsts = {"attention_first": self.attention_first, "guidance_first": self.guidance_first}
        for key, first in firsts.items():
            assert first is not None
            if first >= about.calls:
                message = f"must be below {about.calls}, the calls of the transformer"
                problems.add(f"method.{key}", first, message)

    def rows(self, calls: int) -> tuple[int, ...]:
        """Halves that are computed, at every call."""
        assert self.guidance_first is not None
        assert self.guidance_gap is not None
        first, gap = self.guidance_first, self.guidance_gap
        return tuple(1 if c >= first and (c + 1) % gap else 2 for c in range(calls))

    def computes(self, rows: Sequence[int]) -> list[bool]:
        """Whether self-attention computes, at every call.

        Args:
            rows: halves that are computed, at every call.
        """
        assert self.attention_first is not None
        assert self.attention_gap is not None
        first, gap = self.attention_first, self.attention_gap
        computes, kept = [], 2
        for call, own in enumerate(rows):
            reuses = call >= first and (call - first) % gap != gap - 1
            if reuses and kept < own and self.whole == "compute":
                reuses = False
            kept = kept if reuses else own
            computes.append(not reuses)
        return computes

    def plan(self, facts: Facts) -> Plan:
        """All blocks do the same; cross attention and MLPs compute."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import plan_of_groups

        rows = self.rows(facts.calls)
        chosen = [group for group in facts.groups if group.kind in ("spatial", "temporal")]
        plan = plan_of_groups(facts, dict.fromkeys(chosen, self.computes(rows)))
        return replace(plan, rows=rows, order=1)

    def factors(self, call: int) -> tuple[float, float]:
        """By how much low and high frequencies of the difference grow at a call."""
        assert self.low_last is not None
        assert self.high_first is not None
        low = self.low_factor if call <= self.low_last else 1.0
        high = self.high_factor if call >= self.high_first else 1.0
        return low or 0.0, high or 0.0

    def weights(self, calls: int) -> list[float]:
        """The weight of the difference, at every call."""
        first, weight, rise = self.attention_first or 0, self.weight or 0.0, self.weight_rise or 0.0
        return [weight + rise * (call - first) for call in range(calls)]

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        from pab_bench.methods.fastercache_policy import Extrapolated

        plan, calls = plan_of_facts(self, facts), range(facts.calls)
        factors, weights = [self.factors(c) for c in calls], self.weights(facts.calls)
        assert self.conditional is not None
        own, right = self.conditional, self.half == "right"
        return lambda: Extrapolated(plan, factors, own, weights, right)
