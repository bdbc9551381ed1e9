"""What was decided in the videos of a point: its plan or, where that was open, each video's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pab_bench.engine.kinds import KINDS
from pab_bench.engine.plan import Plan, plan_rows

Gates = Mapping[tuple[int, int], float]
"""By lane and call the number by which a policy has decided."""


@dataclass(frozen=True)
class Decided:
    """The decisions of one lane of one video.

    Attributes:
        prompt: index of the video's prompt.
        seed: its seed.
        lane: which of the calls that a denoising step takes.
        plan: what was done.
        gates: numbers by which the policy has decided, of all lanes.
        gate_decisions: whether such a number means that everything computes, where it is known.
    """

    prompt: int
    seed: int
    lane: int
    plan: Plan
    gates: Gates
    gate_decisions: Mapping[tuple[int, int], bool] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of `plan.parquet`, with the number by which was decided."""
        where = {"prompt": self.prompt, "seed": self.seed, "lane": self.lane}
        common = {"how": None, "rows": 2}
        rows = []
        for row in plan_rows(self.plan):
            at = self.lane, int(str(row["call"]))
            gate = {"gate": self.gates.get(at), "gate_computes": self.gate_decisions.get(at)}
            rows.append({**where, **common, **row, **gate})
        return rows


def decided_rows(plan: Plan, decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """Rows of `plan.parquet`: those of the plan, or of every video and lane where it was open."""
    if not plan.is_open:
        return plan_rows(plan)
    return [row for own in decided for row in own.rows()]


def plan_summary(plan: Plan, decided: Sequence[Decided]) -> dict[str, Any]:
    """What a record says of the plan; shares of an open one are means over videos and lanes.

    `sites_only` is false where more than sites is left out or outputs are not reused as they are;
    `open` where it was decided while sampling, and then `reused_nothing` whether that was never.
    """
    plans = [own.plan for own in decided] if plan.is_open else [plan]
    shares: dict[str, float | None] = {}
    for kind in (*KINDS, None):
        found = [share for own in plans if (share := own.reuse_share(kind)) is not None]
        shares[kind or "all"] = sum(found) / len(found) if found else None
    return {
        "digest": plan.digest(),
        "calls": plan.calls,
        "depth": plan.depth,
        "timesteps": list(plan.timesteps),
        **({"transformers": list(plan.transformers)} if plan.transformers else {}),
        **({} if plan.sites_only else {"sites_only": False}),
        **(
            {"open": True, "reused_nothing": all(own.is_baseline() for own in plans)}
            if plan.is_open
            else {}
        ),
        "reuse_share": shares,
    }
