"""T-GATE as the experiments of PAB have it: guidance is kept.

Source: the T-GATE rows of Table 1 of PAB, arXiv 2408.12588; VideoSys, branch
exp/tgate_deltadit. The original, which drops guidance, is the method `tgate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pab_bench.engine.kinds import BroadcastObject
from pab_bench.methods.base import About, Acceleration, Facts
from pab_bench.methods.published import published, refuse_unpublished
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan


def _experiment(last: int, gap: int, cross: int) -> Mapping[str, Any]:
    calls = (0, last)
    return {
        "spatial_calls": calls,
        "spatial_gap": gap,
        "temporal_calls": calls,
        "temporal_gap": gap,
        "cross_call": cross,
    }


PUBLISHED = {
    ("latte", 50): _experiment(20, 2, 20),
    ("open_sora", 30): _experiment(12, 2, 12),
    ("open_sora_plan", 150): _experiment(60, 3, 90),
}
"""By system and denoising steps; calls are those of the transformer, of which PNDM makes 159."""


@dataclass(frozen=True)
class TGatePab(Acceleration):
    """The method `tgate_pab`.

    Self-attention of a kind is reused at calls between two, both excluded, that its gap does not
    divide; cross attention at every call after `cross_call`. Outputs are kept behind their gate.

    Attributes:
        spatial: whether spatial self-attention is reused.
        spatial_calls: [first, last] call, both excluded, between which it is; None = as published.
        spatial_gap: calls that it divides compute; None = as published.
        temporal: whether temporal self-attention is reused.
        temporal_calls: likewise.
        temporal_gap: likewise.
        cross: whether cross attention is reused.
        cross_call: the last call at which it computes; None = as published.
    """

    spatial: bool = True
    spatial_calls: tuple[int, ...] | None = None
    spatial_gap: int | None = None
    temporal: bool = True
    temporal_calls: tuple[int, ...] | None = None
    temporal_gap: int | None = None
    cross: bool = True
    cross_call: int | None = None

    name: ClassVar[str] = "tgate_pab"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        for kind in ("spatial", "temporal"):
            calls, gap = getattr(self, f"{kind}_calls"), getattr(self, f"{kind}_gap")
            if calls is not None and (len(calls) != 2 or not 0 <= calls[0] < calls[1]):
                problems.add(f"{kind}_calls", calls, "must be [first, last], 0 <= first < last")
            if gap is not None:
                problems.at_least(f"{kind}_gap", gap, 1)
        if self.cross_call is not None:
            problems.at_least("cross_call", self.cross_call, 0)
        if not (self.spatial or self.temporal or self.cross):
            problems.add("cross", False, "nothing would be reused")
        problems.raise_if_any()

    @property
    def broadcast_object(self) -> BroadcastObject:
        """The output behind its gate."""
        return "output"

    def filled(self, about: About) -> TGatePab:
        """With the published values where nothing is said."""
        return replace(self, **published(self, PUBLISHED, about))

    def check(self, about: About, problems: Problems) -> None:
        """Where nothing was published, all must be said."""
        needed = [e.name for e in fields(self) if getattr(self, e.name.partition("_")[0])]
        refuse_unpublished(self, needed, PUBLISHED, about, problems)

    def plan(self, facts: Facts) -> Plan:
        """All blocks of a kind do the same; MLPs always compute."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.tables import plan_of_groups

        calls = range(facts.calls)
        computes: dict[str, list[bool]] = {}
        if self.spatial:
            assert self.spatial_calls is not None
            computes["spatial"] = _outside(calls, self.spatial_calls, self.spatial_gap or 1)
        if self.temporal:
            assert self.temporal_calls is not None
            computes["temporal"] = _outside(calls, self.temporal_calls, self.temporal_gap or 1)
        if self.cross:
            assert self.cross_call is not None
            computes["cross"] = [call <= self.cross_call for call in calls]
        return plan_of_groups(
            facts, {g: computes[g.kind] for g in facts.groups if g.kind in computes}
        )


def _outside(calls: range, window: tuple[int, ...], gap: int) -> list[bool]:
    first, last = window
    return [not (first < call < last and call % gap != 0) for call in calls]
