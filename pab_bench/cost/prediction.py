"""What a plan costs under a convention: pure arithmetic on what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.cost.conventions import Convention
from pab_bench.cost.transformer_work import TransformerWork
from pab_bench.cost.work import Work, total
from pab_bench.engine.kinds import KINDS, Group, Kind
from pab_bench.engine.plan import Plan

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Flops:
    """Operations of one video.

    Attributes:
        sites: per group what each site takes when it computes, (depth,).
        rest: per call outside the sites. A call is one of the plan: all lanes of a denoising step.
        text_encoder: for all prompts of a video; 0 if the convention leaves it out.
        decoder: likewise.
        per_call: of the method, in every call, its rest included.
        groups: of the method, per group.
        calls: number of transformer calls of the baseline.
    """

    sites: Mapping[Group, Counts]
    rest: int
    text_encoder: int
    decoder: int
    per_call: Counts
    groups: Mapping[Group, int]
    calls: int

    @property
    def baseline_call(self) -> int:
        """A call in which everything computes."""
        return self.rest + sum(int(site.sum()) for site in self.sites.values())

    @property
    def outside(self) -> int:
        """Text encoder and decoder, which no plan changes."""
        return self.text_encoder + self.decoder

    @property
    def baseline(self) -> int:
        """A whole video with nothing reused."""
        return self.calls * self.baseline_call + self.outside

    @property
    def method(self) -> int:
        """A whole video that follows the plan."""
        return int(self.per_call.sum()) + self.outside

    @property
    def ratio(self) -> float:
        """The method's operations over the baseline's."""
        return self.method / self.baseline

    @property
    def denoising_ratio(self) -> float:
        """The same without text encoder and decoder."""
        return int(self.per_call.sum()) / (self.calls * self.baseline_call)

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Baseline's and method's operations per kind, and of everything outside the sites."""
        rows: dict[str, dict[str, int]] = {kind: {"baseline": 0, "method": 0} for kind in KINDS}
        for group, sites in self.sites.items():
            rows[group.kind]["baseline"] += self.calls * int(sites.sum())
            rows[group.kind]["method"] += self.groups[group]
        of_sites = sum(self.groups.values())
        rest = int(self.per_call.sum()) - of_sites
        rows["rest"] = {"baseline": self.calls * self.rest, "method": rest}
        outside = {
            "text_encoder": self.text_encoder,
            "decoder": self.decoder,
        }
        rows.update({name: {"baseline": n, "method": n} for name, n in outside.items()})
        return rows


def predict_flops(
    plan: Plan,
    lanes: Sequence[TransformerWork],
    convention: Convention,
    system: str,
    text_encoder: Work,
    decoder: Work,
    baseline_calls: int | None = None,
    half: Sequence[TransformerWork] | None = None,
) -> Flops:
    """Lay a plan over what was counted.

    Args:
        plan: the decisions.
        lanes: of every transformer call of a denoising step.
        convention: what counts.
        system: the system's name, which a convention may treat in its own way.
        text_encoder: work of encoding all prompts of a video.
        decoder: work of decoding a video.
        baseline_calls: of the transformer; None = as many as the plan's.
        half: as `lanes`, of a call with one half of the guidance batch; needed where the plan has
            such calls.

    Raises:
        ValueError: if it is needed and missing.
    """
    spent, around = _spent(plan, lanes, convention, system)
    if plan.rows:
        if half is None:
            raise ValueError("the plan computes halves: the work of one is needed")
        ones = np.array(plan.rows) == 1
        of_halves, around_halves = _spent(plan, half, convention, system)
        spent = {g: np.where(ones[:, None], of_halves[g], table) for g, table in spent.items()}
        around = np.where(ones, around_halves, around)
    return Flops(
        sites={group: _counts(lanes, group, convention, system) for group in lanes[0].sites},
        rest=sum(convention.count(work.rest, system) for work in lanes),
        text_encoder=convention.count(text_encoder, system),
        decoder=convention.count(decoder, system),
        per_call=around + sum(table.sum(axis=1) for table in spent.values()),
        groups={group: int(table.sum()) for group, table in spent.items()},
        calls=plan.calls if baseline_calls is None else baseline_calls,
    )


def _counts(
    lanes: Sequence[TransformerWork], group: Group, convention: Convention, system: str
) -> Counts:
    """(blocks,): operations of each site of a group where it computes, in all lanes."""
    sites = zip(*(work.sites[group] for work in lanes), strict=True)
    parts = [total(lane.computed for lane in site) for site in sites]
    return np.array([convention.count(p, system, group.kind) for p in parts], dtype=np.int64)


def _spent(
    plan: Plan, lanes: Sequence[TransformerWork], convention: Convention, system: str
) -> tuple[dict[Group, Counts], Counts]:
    """Per group (calls, blocks) what its sites take, and (calls,) what is outside of all sites."""
    spent = {}
    for group in lanes[0].sites:
        new = _counts(lanes, group, convention, system)
        sites = zip(*(work.sites[group] for work in lanes), strict=True)
        parts = [total(lane.reused for lane in site) for site in sites]
        old = np.array([convention.count(p, system, group.kind) for p in parts], dtype=np.int64)
        visited = np.where(plan.reuse(group), old, new)
        spent[group] = np.where(plan.is_skipped(group), 0, visited)
    rest = sum(convention.count(work.rest, system) for work in lanes)
    around = np.full(plan.calls, rest, dtype=np.int64)
    for block in (block for work in lanes for block in work.stack if plan.skipped):
        out = np.all([plan.is_skipped(group)[:, index] for group, index in block.sites], axis=0)
        around -= np.where(out, convention.count(block.around, system), 0)
    return spent, np.where([plan.is_called(call) for call in range(plan.calls)], around, 0)


def reuse_counts(plan: Plan) -> dict[Kind, int]:
    """Per kind that the model has: calls at which at least one of its sites reuses."""
    counts: dict[Kind, int] = {}
    for kind in KINDS:
        tables = [plan.reuse(group).any(axis=1) for group in plan.source if group.kind == kind]
        if tables:
            counts[kind] = int(np.any(tables, axis=0).sum())
    return counts


def reuse_visits(plan: Plan) -> dict[str, dict[str, Any]]:
    """Per group how many visits of its sites reuse, of how many."""
    return {
        group.name: {"reused": int(plan.reuse(group).sum()), "visits": plan.source[group].size}
        for group in plan.source
    }
