"""Which calls of a plan do the same work, so that the time of one is the time of all.

What a call costs depends on which sites reuse, and, where keeping an output costs something, on
which outputs it keeps: not on when it is made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kinds import KINDS, BroadcastObject, Group
from pab_bench.engine.plan import Plan

Blocks = tuple[int, ...]
"""Indices of blocks, in order."""


@dataclass(frozen=True)
class Keeping:
    """How outputs are kept.

    Attributes:
        broadcast_object: which tensor.
        cache: in which dtype and where.
    """

    broadcast_object: BroadcastObject = "output"
    cache: CacheOptions = field(default_factory=CacheOptions)

    @property
    def costs(self) -> bool:
        """Whether keeping an output is work: it is copied, or computed in another way."""
        return self.broadcast_object == "scores" or self.cache != CacheOptions()

    def __str__(self) -> str:
        """As it is named in files."""
        return json.dumps({"object": self.broadcast_object, **asdict(self.cache)}, sort_keys=True)


@dataclass(frozen=True)
class CallClass:
    """The work of a call of the transformer.

    Attributes:
        reused: by name of the group the blocks that reuse; groups without any are left out.
        kept: likewise the blocks whose outputs are kept, where that costs something.
        keeping: how; None where nothing is reused or kept, which is the same for all ways.
    """

    reused: tuple[tuple[str, Blocks], ...] = ()
    kept: tuple[tuple[str, Blocks], ...] = ()
    keeping: Keeping | None = None

    @property
    def computes_all(self) -> bool:
        """Whether nothing is reused, nor kept at a cost: the call of a baseline."""
        return self.keeping is None

    def __str__(self) -> str:
        """As it is named in files and messages; different classes have different names.

        >>> str(CallClass())
        'computes all'
        """
        if self.keeping is None:
            return "computes all"
        parts = [
            f"{verb} {', '.join(f'{name} {_ranges(blocks)}' for name, blocks in sites)}"
            for verb, sites in (("reuses", self.reused), ("keeps", self.kept))
            if sites
        ]
        return f"{'; '.join(parts)}; {self.keeping}"


BASELINE = CallClass()
"""What every call of a baseline does."""


@dataclass(frozen=True)
class PlanCalls:
    """The calls of one video under a plan.

    Attributes:
        calls: how many.
        classes: how many of each class.
        reused: by kind, how many calls' worth of its sites are reused, from 0 to `calls`.
    """

    calls: int
    classes: Mapping[CallClass, int]
    reused: Mapping[str, float]


def plan_calls(plan: Plan, keeping: Keeping, first: int = 0) -> PlanCalls:
    """Sort the calls of a plan into classes.

    Args:
        plan: the decisions.
        keeping: how outputs are kept.
        first: the first call that counts, where those before it are not made.
    """
    groups = sorted(plan.source)
    reuse = {group: plan.reuse(group) for group in groups}
    keeps = {group: _keeps(plan, group) for group in groups} if keeping.costs else {}
    found: Counter[CallClass] = Counter()
    # Thousands of points have plans of hundreds of calls: equal rows are described once.
    described: dict[bytes, CallClass] = {}
    for call in range(first, plan.calls):
        rows = [table[group][call] for table in (reuse, keeps) for group in table]
        key = b"".join(row.tobytes() for row in rows)
        if key not in described:
            described[key] = _class(
                {g: reuse[g][call] for g in groups}, {g: keeps[g][call] for g in keeps}, keeping
            )
        found[described[key]] += 1
    counted = {group: table[first:] for group, table in reuse.items()}
    return PlanCalls(plan.calls - first, dict(found), _reused(counted))


def _keeps(plan: Plan, group: Group) -> npt.NDArray[np.bool_]:
    computes = ~plan.reuse(group)
    later = plan.last_use(group) > np.arange(plan.calls)[:, None]
    kept: npt.NDArray[np.bool_] = computes & later
    return kept


def _class(
    reuse: Mapping[Group, npt.NDArray[np.bool_]],
    keeps: Mapping[Group, npt.NDArray[np.bool_]],
    keeping: Keeping,
) -> CallClass:
    reused, kept = (
        tuple((g.name, tuple(np.flatnonzero(row).tolist())) for g, row in table.items() if any(row))
        for table in (reuse, keeps)
    )
    return CallClass(reused, kept, keeping) if reused or kept else BASELINE


def _reused(reuse: Mapping[Group, npt.NDArray[np.bool_]]) -> dict[str, float]:
    """Sites of a kind count alike, in whichever branch and block they are."""
    found: dict[str, float] = {}
    for kind in KINDS:
        tables = [table for group, table in reuse.items() if group.kind == kind]
        if tables:
            found[kind] = float(sum(table.mean(axis=1).sum() for table in tables)) / len(tables)
    return found


def _ranges(blocks: Blocks) -> str:
    """Numbers as ranges.

    >>> _ranges((0, 1, 2, 5, 7, 8))
    '0-2+5+7-8'
    """
    starts = [b for b in blocks if b - 1 not in blocks]
    ends = [b for b in blocks if b + 1 not in blocks]
    pairs = zip(starts, ends, strict=True)
    return "+".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)
