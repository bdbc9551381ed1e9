"""Plans of models that go over to another transformer while they sample.

Pure functions of the plan and of which transformer is called when, which is known before sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pab_bench.engine.plan import Plan


def first_alive(transformers: Sequence[int]) -> npt.NDArray[np.int64]:
    """Tell since which call the transformer of each call has been called without a break, (calls,).

    What was kept of it before that is gone, and nothing was kept of it before it was first called.

    Example:
        >>> first_alive([0, 0, 1, 1, 1]).tolist()
        [0, 0, 2, 2, 2]
    """
    called = np.asarray(transformers, dtype=np.int64)
    begins = np.append(True, called[1:] != called[:-1])[: len(called)]
    return np.maximum.accumulate(np.where(begins, np.arange(len(called)), 0))


def within_transformers(plan: Plan, transformers: Sequence[int]) -> Plan:
    """Restrict a plan so that no call uses the output of another transformer.

    A site that would use an earlier call than the first of its transformer uses that one, at which
    it computes; and so do blocks and whole calls. Nothing else changes: gaps go on counting the
    steps of the video.

    Args:
        plan: the decisions, as if there were one transformer.
        transformers: at every call the index of the one that is called; empty = always the first.

    Raises:
        ValueError: if there are more or fewer than calls.
    """
    if not transformers:
        return plan
    if len(transformers) != plan.calls:
        raise ValueError(f"{len(transformers)} transformers are named for {plan.calls} calls")
    alive = first_alive(transformers)[:, None]
    source = {group: np.maximum(table, alive) for group, table in plan.source.items()}
    calls = np.arange(plan.calls)[:, None]
    return replace(
        plan,
        source=source,
        transformers=tuple(transformers),
        stack=None if plan.stack is None else np.maximum(plan.stack, alive),
        called=tuple(np.maximum(plan.called, alive[:, 0]).tolist()) if plan.called else (),
        skipped={group: table & (source[group] < calls) for group, table in plan.skipped.items()},
    )


def crosses_transformers(plan: Plan) -> bool:
    """Whether a call of a plan uses the output of a call before the first of its transformer."""
    alive = first_alive(plan.transformers)[:, None] if plan.transformers else 0
    return any(bool((table < alive).any()) for table in plan.source.values())
