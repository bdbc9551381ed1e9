"""FasterCache as diffusers has it, whose rules are others than the original's.

Source: diffusers 0.42, `hooks/faster_cache.py`; the original is the method `fastercache`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pab_bench.methods.base import About, Acceleration, Facts, plan_of_facts
from pab_bench.methods.facts import Need
from pab_bench.methods.guidance_cache import CONDITIONAL, HALVES
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

WINDOWS = ("guidance", "spatial", "temporal", "low", "high")


@dataclass(frozen=True)
class FasterCacheDiffusers(Acceleration):
    """The method `fastercache_diffusers`. Windows are [low, high] timesteps, both excluded.

    Attributes:
        guidance_gap: calls that it divides are whole; others in `guidance_window` compute the
            conditional half only. The first is whole in any case.
        guidance_window: in which half of the batch may be left out.
        spatial_gap: where half is left out, spatial attention in `spatial_window` is extrapolated
            at calls that this does not divide; null = never.
        spatial_window: see there.
        temporal_gap: likewise for temporal attention.
        temporal_window: likewise.
        weight: how much of the difference of the last two outputs is added to the last; what that
            gives counts as an output itself.
        low_factor: low frequencies of what the halves differ by are multiplied by it before every
            use in `low_window`, and stay so until the next whole call.
        low_window: see there.
        high_factor: likewise for high frequencies.
        high_window: likewise.
        conditional: which half of the guidance batch has the prompt; null = as the system says.
    """

    guidance_gap: int = 5
    guidance_window: tuple[int, ...] = (-1, 641)
    spatial_gap: int | None = 2
    spatial_window: tuple[int, ...] = (-1, 681)
    temporal_gap: int | None = None
    temporal_window: tuple[int, ...] = (-1, 681)
    weight: float = 0.5
    low_factor: float = 1.1
    low_window: tuple[int, ...] = (99, 901)
    high_factor: float = 1.1
    high_window: tuple[int, ...] = (-1, 301)
    conditional: Literal["first", "second"] | None = None

    name: ClassVar[str] = "fastercache_diffusers"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        for key in ("guidance_gap", "spatial_gap", "temporal_gap"):
            if (value := getattr(self, key)) is not None:
                problems.at_least(key, value, 2)
        for name in WINDOWS:
            window = getattr(self, f"{name}_window")
            if len(window) != 2 or window[0] >= window[1]:
                problems.add(f"{name}_window", window, "must be [low,high] timesteps, low < high")
        for key in ("weight", "low_factor", "high_factor"):
            problems.finite(key, getattr(self, key), 0, "of at least 0")
        problems.choice("conditional", self.conditional, HALVES)
        problems.raise_if_any()

    @property
    def needs(self) -> frozenset[Need]:
        """Sites, and halves of the guidance batch."""
        return frozenset({"sites", "rows"})

    def filled(self, about: About) -> FasterCacheDiffusers:
        """With the half that the system says."""
        return replace(self, conditional=self.conditional or CONDITIONAL.get(about.system))

    def check(self, about: About, problems: Problems) -> None:
        """It must be known which half has the prompt."""
        if self.conditional is None:
            message = f"which half has the prompt is not known for {about.system}; set it"
            problems.add("method.conditional", None, message)

    def plan(self, facts: Facts) -> Plan:
        """All blocks of a kind do the same; cross attention and MLPs compute."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import plan_of_groups

        whole = [
            call % self.guidance_gap == 0 or not _within(self.guidance_window, timestep)
            for call, timestep in enumerate(facts.timesteps)
        ]
        gaps = {"spatial": self.spatial_gap, "temporal": self.temporal_gap}
        windows = {"spatial": self.spatial_window, "temporal": self.temporal_window}
        computes = {
            kind: [
                whole[call] or call % gap == 0 or not _within(windows[kind], timestep)
                for call, timestep in enumerate(facts.timesteps)
            ]
            for kind, gap in gaps.items()
            if gap is not None
        }
        own = {g: computes[g.kind] for g in facts.groups if g.kind in computes}
        rows = tuple(2 if both else 1 for both in whole)
        return replace(plan_of_groups(facts, own), rows=rows, order=1)

    def factors(self, timestep: float) -> tuple[float, float]:
        """By how much low and high frequencies of the difference grow at a timestep."""
        low = self.low_factor if _within(self.low_window, timestep) else 1.0
        return low, self.high_factor if _within(self.high_window, timestep) else 1.0

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        from pab_bench.methods.fastercache_policy import Fed

        plan = plan_of_facts(self, facts)
        factors = [self.factors(timestep) for timestep in facts.timesteps]
        weights = [self.weight] * facts.calls
        assert self.conditional is not None
        own = self.conditional
        return lambda: Fed(plan, factors, own, weights)


def _within(window: tuple[int, ...], timestep: float) -> bool:
    return window[0] < timestep < window[1]
