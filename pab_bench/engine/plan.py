"""The decisions of one video: for every call of the transformer, which sites reuse what.

A plan is pure data, known before anything is sampled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

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
        stack: (calls, blocks of the stack): the call whose change of the tokens stands in for a
            block of the stack, which is then not entered; its own index where it is entered. None
            where all blocks are entered at all calls.
        called: at every call the index of the call that gives the output of the whole transformer,
            which is then not called; its own index where it is called. Empty where it always is.
        rows: at every call 2 where the whole guidance batch is computed, 1 where it is one half of
            it. Empty where it is always whole.
        skipped: per group a bool array of the shape of its `source`: the sites that are not even
            visited, since `stack` or `called` stand in for them. Empty where all are visited.
        order: how many earlier computed outputs, beside that of `source` (or of `called`, where
            calls are left out), a value is made of that is extrapolated; 0 where outputs are reused
            as they are.
        is_open: whether decisions are made while a video is sampled; the tables then say that
            everything computes, and the ledger says afterwards what was done.
    """

    timesteps: tuple[int, ...]
    depth: int
    source: Mapping[Group, npt.NDArray[np.int64]]
    transformers: tuple[int, ...] = ()
    stack: npt.NDArray[np.int64] | None = None
    called: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    skipped: Mapping[Group, npt.NDArray[np.bool_]] = field(default_factory=dict)
    order: int = 0
    is_open: bool = False

    @property
    def calls(self) -> int:
        """Number of transformer calls a video takes."""
        return len(self.timesteps)

    def reuse(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, blocks): whether each site of `group` reuses an earlier output."""
        return self.source[group] != np.arange(self.calls)[:, None]

    def last_use(self, group: Group) -> npt.NDArray[np.int64]:
        """(calls, blocks): the last call that uses what the site computed at this call.

        It equals the call's own index where nothing needs to be kept. What is made of several
        outputs grows from call to call, so that each computed call uses the one before.
        """
        blocks = self.source[group].shape[1]
        last = np.repeat(np.arange(self.calls)[:, None], blocks, axis=1)
        skipped = self.skipped.get(group)
        for call in range(self.calls):
            for block, source in enumerate(self.source[group][call]):
                if skipped is None or not skipped[call, block]:
                    last[source, block] = max(last[source, block], call)
        if self.order and not self.called:
            for block in range(blocks):
                computed = np.flatnonzero(self.source[group][:, block] == np.arange(self.calls))
                for call, before in zip(computed[:0:-1], computed[-2::-1], strict=True):
                    if last[call, block] > call:
                        last[before, block] = max(last[before, block], call)
        return last

    def is_skipped(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, blocks): whether each site of `group` is not even visited."""
        nowhere = np.zeros(self.source[group].shape, dtype=np.bool_)
        return self.skipped.get(group, nowhere)

    def is_called(self, call: int) -> bool:
        """Whether the transformer is called at `call`, rather than its output made of others."""
        return not self.called or self.called[call] == call

    @property
    def sites_only(self) -> bool:
        """Whether `source` says all: sites compute, or put out what was kept as it is."""
        beyond = self.stack is not None or self.called or self.rows or self.skipped
        return not (beyond or self.order or self.is_open)

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
        """Whether nothing is reused or left out; of an open plan that is not known."""
        whole = not self.is_open and all(rows == 2 for rows in self.rows)
        return whole and not any(self.reuse(group).any() for group in self.source)

    def digest(self) -> str:
        """A hash of all decisions."""
        content = hashlib.sha256(repr((self.timesteps, self.depth)).encode())
        for group in sorted(self.source):
            content.update(group.name.encode())
            content.update(np.ascontiguousarray(self.source[group], dtype="<i8").tobytes())
        if not self.sites_only:
            content.update(repr((self.called, self.rows, self.order, self.is_open)).encode())
            if self.stack is not None:
                content.update(np.ascontiguousarray(self.stack, dtype="<i8").tobytes())
        return content.hexdigest()


def plan_rows(plan: Plan) -> list[dict[str, object]]:
    """The plan as table rows: kind, branch, call, timestep, block, source, reuse.

    Plans for several transformers also have `transformer`, the index of the one that is called;
    plans in which more than sites is left out, or values are extrapolated, also have `how`
    (`computed`, `reused`, `extrapolated` or `skipped`) and `rows`.
    """
    order = {kind: index for index, kind in enumerate(KINDS)}
    rows: list[dict[str, object]] = []
    for group in sorted(plan.source, key=lambda g: (order[g.kind], g.branch)):
        skipped = plan.is_skipped(group)
        for call, timestep in enumerate(plan.timesteps):
            for block in range(plan.source[group].shape[1]):
                source = int(plan.source[group][call, block])
                beyond = {
                    "how": _how(plan, source != call, bool(skipped[call, block])),
                    "rows": plan.rows[call] if plan.rows else 2,
                }
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
                        **({} if plan.sites_only else beyond),
                    }
                )
    return rows


def _how(plan: Plan, reuse: bool, skipped: bool) -> str:
    """What a site does, in a word."""
    if skipped:
        return "skipped"
    if not reuse:
        return "computed"
    return "extrapolated" if plan.order and not plan.called else "reused"
