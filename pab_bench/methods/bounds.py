"""What a method that decides while it samples computes at least."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.methods.facts import Facts
from pab_bench.methods.tables import (
    baseline_plan,
    last_computed,
    leave_out_blocks,
    leave_out_calls,
)

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.methods.base import Method


def least_plan(method: Method, facts: Facts) -> Plan:
    """Make the plan of a video in which as little computes as a method may ever decide.

    That is nothing of what it can leave out, at all calls but those that surely compute. Bounds of
    the method's own, such as how many calls in a row may be left out, are not looked at: no video
    computes less, and it may be that every one computes more.

    Args:
        method: decides while it samples.
        facts: of the video.
    """
    from pab_bench.engine.boundaries import within_transformers

    protected = method.protected_calls(facts)
    sure = method.sure_calls(facts)
    anew = facts.transformers or (0,) * facts.calls
    computes = [
        c < sure or c in protected or c == 0 or anew[c] != anew[c - 1] for c in range(facts.calls)
    ]
    last, plan = last_computed(computes), baseline_plan(facts)
    if "call" in method.needs:
        plan = leave_out_calls(plan, last.tolist())
    elif "stack" in method.needs:
        run = method.most_left_out(facts)
        stack = np.repeat(np.arange(facts.calls)[:, None], len(facts.stack), axis=1)
        stack[:, run.first : run.last + 1] = last[:, None]
        plan = leave_out_blocks(plan, facts, stack)
    else:
        source = {
            group: np.repeat(last[:, None], t.shape[1], 1) for group, t in plan.source.items()
        }
        plan = replace(plan, source=source)
    return within_transformers(plan, facts.transformers)
