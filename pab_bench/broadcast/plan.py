"""What follows from the rules: for every call of the transformer, which sites reuse what.

A plan is pure data, known before anything is sampled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pab_bench.broadcast.kinds import KINDS, Group, Kind
from pab_bench.broadcast.rules import GapRule, KeyRule, Rules


@dataclass(frozen=True)
class Plan:
    """The decisions for one video.

    Attributes:
        timesteps: the scheduler's timestep, truncated to an integer, at every call of the
            transformer, in order.
        depth: number of transformer block pairs.
        source: per group an int array of shape (calls, depth): the index of the call whose output
            is used. It is the call's own index where the site computes.
    """

    timesteps: tuple[int, ...]
    depth: int
    source: Mapping[Group, npt.NDArray[np.int64]]

    @property
    def calls(self) -> int:
        """Number of transformer calls a video takes."""
        return len(self.timesteps)

    def reuse(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, depth): whether each site of `group` reuses an earlier output."""
        return self.source[group] != np.arange(self.calls)[:, None]

    def last_use(self, group: Group) -> npt.NDArray[np.int64]:
        """(calls, depth): the last call that uses what was computed at this call and block.

        It equals the call's own index where nothing needs to be kept.
        """
        last = np.repeat(np.arange(self.calls)[:, None], self.depth, axis=1)
        for call in range(self.calls):
            for block, source in enumerate(self.source[group][call]):
                last[source, block] = max(last[source, block], call)
        return last

    def reuse_share(self, kind: Kind | None = None) -> float | None:
        """Share of site visits that reuse, of one kind or of all; None if there is no such site."""
        tables = [self.reuse(g) for g in self.source if kind in (None, g.kind)]
        total = sum(table.size for table in tables)
        return sum(int(table.sum()) for table in tables) / total if total else None

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


def make_plan(
    rules: Rules,
    timesteps: Sequence[float],
    depth: int,
    groups: Sequence[Group],
    counter_period: int | None = None,
) -> Plan:
    """Apply `rules` to a model of `depth` block pairs that has `groups`.

    Args:
        rules: what the user says.
        timesteps: the scheduler's value at every call of the transformer; truncated to integers,
            as upstream does.
        depth: number of block pairs.
        groups: the groups that the model has.
        counter_period: the counter that gaps divide begins at 0 again after so many calls: the
            number of denoising steps, as upstream has it, also where the scheduler calls the
            transformer more often. None = the number of calls.

    Raises:
        ValueError: if `counter_period` is below 1.
    """
    if counter_period is not None and counter_period < 1:
        raise ValueError(f"counter_period: must be at least 1, got {counter_period}")
    times = tuple(int(t) for t in timesteps)
    tables = {}
    for group in groups:
        rule = rules.rule_for(group)
        tables[group] = (
            _key_table(rule, times, depth)
            if isinstance(rule, KeyRule)
            else _gap_table(rule, times, depth, counter_period or len(times))
        )
    return Plan(times, depth, tables)


@lru_cache(maxsize=1024)  # The points of a grid share most of their rules.
def _gap_table(
    rule: GapRule, times: tuple[int, ...], depth: int, period: int
) -> npt.NDArray[np.int64]:
    source = np.empty((len(times), depth), dtype=np.int64)
    for step, timestep in enumerate(times):
        for block in range(depth):
            reused = rule.reuses(step % period, timestep, block)
            source[step, block] = source[step - 1, block] if reused else step
    source.flags.writeable = False
    return source


@lru_cache(maxsize=1024)
def _key_table(rule: KeyRule, times: tuple[int, ...], depth: int) -> npt.NDArray[np.int64]:
    source = np.repeat(np.arange(len(times))[:, None], depth, axis=1)
    sampled = rule.at(times)
    # By timestep, not by call: at a timestep that occurs twice the same is done twice.
    reached = []
    for key in sampled:
        start = times.index(key.timestep)
        reached.append(set(times[start : start + 1 + key.reuse_steps]))
    computed: dict[int, int] = {}  # The last call at each timestep.
    for step, timestep in enumerate(times):
        here = {b for key in sampled if key.timestep == timestep for b in key.blocks}
        for key, timesteps in zip(sampled, reached, strict=True):
            if timestep not in timesteps:
                continue
            for block in key.blocks - here:
                if block < depth:
                    source[step, block] = computed.get(key.timestep, step)
            break  # The first key that reaches a step decides for every block.
        computed[timestep] = step
    source.flags.writeable = False
    return source


def plan_rows(plan: Plan) -> list[dict[str, object]]:
    """The plan as table rows: kind, branch, call, timestep, block, source, reuse."""
    order = {kind: index for index, kind in enumerate(KINDS)}
    rows: list[dict[str, object]] = []
    for group in sorted(plan.source, key=lambda g: (order[g.kind], g.branch)):
        for call, timestep in enumerate(plan.timesteps):
            for block in range(plan.depth):
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
                    }
                )
    return rows
