"""Plans from what most methods decide: which calls compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.methods.facts import Facts


def last_computed(computes: Sequence[bool]) -> npt.NDArray[np.int64]:
    """Tell of which call the last computed output is, at every call, (calls,).

    Args:
        computes: whether each call computes; the first does in any case.

    Example:
        >>> last_computed([True, False, True, False, False]).tolist()
        [0, 0, 2, 2, 2]
    """
    calls = np.arange(len(computes))
    return np.maximum.accumulate(np.where(np.asarray(computes, dtype=np.bool_), calls, 0))


def plan_of_groups(facts: Facts, computes: Mapping[Group, Sequence[bool]]) -> Plan:
    """Make the plan in which all blocks of a group do the same.

    Args:
        facts: of the video.
        computes: per group whether each call computes; groups without an entry always do.
    """
    always = [True] * facts.calls
    source = {
        group: np.repeat(
            last_computed(computes.get(group, always))[:, None], facts.blocks(group), axis=1
        )
        for group in facts.groups
    }
    return Plan(tuple(int(t) for t in facts.timesteps), facts.depth, source)


def baseline_plan(facts: Facts) -> Plan:
    """Make the plan in which everything computes."""
    return plan_of_groups(facts, {})


def open_plan(facts: Facts) -> Plan:
    """Make the plan of a video whose decisions are made while it is sampled."""
    return replace(baseline_plan(facts), is_open=True)


def leave_out_blocks(plan: Plan, facts: Facts, stack: npt.NDArray[np.int64]) -> Plan:
    """Enter in a plan which blocks of the stack are not entered.

    Args:
        plan: what the sites do where they are visited.
        facts: of the video.
        stack: as `Plan.stack`.
    """
    calls = np.arange(plan.calls)
    source = {group: table.copy() for group, table in plan.source.items()}
    skipped = {group: np.zeros(table.shape, dtype=np.bool_) for group, table in source.items()}
    for index, sites in enumerate(facts.stack):
        out = stack[:, index] != calls
        for group, block in sites:
            source[group][out, block] = stack[out, index]
            skipped[group][out, block] = True
    return replace(plan, source=source, skipped=skipped, stack=stack)


def leave_out_calls(plan: Plan, called: Sequence[int]) -> Plan:
    """Enter in a plan at which calls the transformer is not called.

    Args:
        plan: what the sites do where they are visited.
        called: as `Plan.called`.
    """
    from_call = np.asarray(called, dtype=np.int64)[:, None]
    out = from_call != np.arange(plan.calls)[:, None]
    source = {group: np.where(out, from_call, table) for group, table in plan.source.items()}
    skipped = {group: np.broadcast_to(out, t.shape).copy() for group, t in source.items()}
    return replace(plan, source=source, skipped=skipped, called=tuple(int(c) for c in called))


def within_what_is_left(outer: Plan, inner: Plan) -> Plan:
    """Let sites do what a plan says wherever another plan leaves them to be visited.

    Where the output that is to be reused was left out, the site computes.

    Args:
        outer: leaves out blocks or calls, and reuses nothing else.
        inner: of sites alone.
    """
    source = {}
    for group, table in outer.source.items():
        skipped, wanted = outer.is_skipped(group), inner.source[group]
        own = table.copy()
        last = np.full(table.shape[1], -1)
        for call in range(outer.calls):
            visited = ~skipped[call]
            computes = visited & (last < wanted[call])
            last[computes] = call
            own[call, visited] = last[visited]
        source[group] = own
    return replace(outer, source=source)
