"""From the rules of PAB to the decisions of a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.methods.rules import GapRule, KeyRule, Rules
from pab_bench.methods.windows import inside


def make_plan(
    rules: Rules,
    timesteps: Sequence[float],
    depth: int,
    groups: Sequence[Group],
    counter_period: int | None = None,
    depths: Mapping[Group, int] | None = None,
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
        depths: number of blocks of groups that have fewer.

    Raises:
        ValueError: if `counter_period` is below 1.
    """
    if counter_period is not None and counter_period < 1:
        raise ValueError(f"counter_period: must be at least 1, got {counter_period}")
    times = tuple(int(t) for t in timesteps)
    tables = {}
    for group in groups:
        rule = rules.rule_for(group)
        blocks = (depths or {}).get(group, depth)
        tables[group] = (
            _key_table(rule, times, blocks)
            if isinstance(rule, KeyRule)
            else _gap_table(rule, times, blocks, counter_period or len(times))
        )
    return Plan(times, depth, tables)


@lru_cache(maxsize=1024)  # The points of a grid share most of their rules.
def _gap_table(
    rule: GapRule, times: tuple[int, ...], depth: int, period: int
) -> npt.NDArray[np.int64]:
    source = np.empty((len(times), depth), dtype=np.int64)
    acts = rule.skip and rule.gap > 1
    within = inside(rule.threshold, times) if acts else [False] * len(times)
    for step in range(len(times)):
        for block in range(depth):
            reused = within[step] and rule.reuses_inside(step % period, block)
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
