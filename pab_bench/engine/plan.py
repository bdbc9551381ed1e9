"""The decisions of one video: for every call of the transformer, which sites reuse what.

A plan is pure data, known before anything is sampled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import KINDS, Group, Kind


@dataclass(frozen=True)
class Plan:
    """The decisions for one video.

    Attributes:
        timesteps: the scheduler's timestep, truncated to an integer, at every call of the
            transformer, in order.
        depth: number of transformer block pairs: the most that a group has.
        source: per group an int array of shape (calls, blocks of the group): the index of the call
            whose output is used. It is the call's own index where the site computes.
        transformers: at every call the index of the model's transformer that is called; empty where
            it is always the first. No call uses what another transformer has computed; see
            `within_transformers`.
    """

    timesteps: tuple[int, ...]
    depth: int
    source: Mapping[Group, npt.NDArray[np.int64]]
    transformers: tuple[int, ...] = ()

    @property
    def calls(self) -> int:
        """Number of transformer calls a video takes."""
        return len(self.timesteps)

    def reuse(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, blocks): whether each site of `group` reuses an earlier output."""
        return self.source[group] != np.arange(self.calls)[:, None]

    def last_use(self, group: Group) -> npt.NDArray[np.int64]:
        """(calls, blocks): the last call that uses what was computed at this call and block.

        It equals the call's own index where nothing needs to be kept.
        """
        blocks = self.source[group].shape[1]
        last = np.repeat(np.arange(self.calls)[:, None], blocks, axis=1)
        for call in range(self.calls):
            for block, source in enumerate(self.source[group][call]):
                last[source, block] = max(last[source, block], call)
        return last

    def reuse_share(self, kind: Kind | None = None) -> float | None:
        """Share of site visits that reuse, of one kind or of all; None if there is no such site."""
        tables = [self.reuse(g) for g in self.source if kind in (None, g.kind)]
        total = sum(table.size for table in tables)
        return sum(int(table.sum()) for table in tables) / total if total else None

    def transformer(self, call: int) -> int:
        """The index of the transformer that is called at `call`."""
        return self.transformers[call] if self.transformers else 0

    def begins(self, call: int) -> bool:
        """Whether the call before is of another transformer, or there is none."""
        return call == 0 or self.transformer(call) != self.transformer(call - 1)

    def is_baseline(self) -> bool:
        """Whether nothing is reused."""
        return not any(self.reuse(group).any() for group in self.source)

    def digest(self) -> str:
        """A hash of all decisions."""
        content = hashlib.sha256(repr((self.timesteps, self.depth)).encode())
        for group in sorted(self.source):
            content.update(group.name.encode())
            content.update(np.ascontiguousarray(self.source[group], dtype="<i8").tobytes())
        return content.hexdigest()


def plan_rows(plan: Plan) -> list[dict[str, object]]:
    """The plan as table rows: kind, branch, call, timestep, block, source, reuse.

    Plans for several transformers also have `transformer`, the index of the one that is called.
    """
    order = {kind: index for index, kind in enumerate(KINDS)}
    rows: list[dict[str, object]] = []
    for group in sorted(plan.source, key=lambda g: (order[g.kind], g.branch)):
        for call, timestep in enumerate(plan.timesteps):
            for block in range(plan.source[group].shape[1]):
                source = int(plan.source[group][call, block])
                rows.append(
                    {
                        "kind": group.kind,
                        "branch": group.branch,
                        "call": call,
                        "timestep": timestep,
                        "block": block,
                        "source": source,
                        "reuse": source != call,
                        **({"transformer": plan.transformer(call)} if plan.transformers else {}),
                    }
                )
    return rows
