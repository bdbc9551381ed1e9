"""Which calls of two plans do the same, so that one video's calls can serve another.

Pure functions of the plan: known before anything is sampled.
"""

from __future__ import annotations

import hashlib
from itertools import islice

import numpy as np
import numpy.typing as npt

from pab_bench.engine.cache_course import Sites, cache_course
from pab_bench.engine.plan import Plan


def prefix_digests(plan: Plan, how: str) -> tuple[str, ...]:
    """Per call a digest of all decisions up to and including it.

    Videos that start alike and have the same digest at a call have, at that call and at all before
    it, the same outputs of the transformer.

    Args:
        plan: the decisions.
        how: the way in which outputs are kept and reused; it makes no difference before the first
            reuse.
    """
    groups = sorted(plan.source)
    content = hashlib.sha256(repr((plan.depth, [group.name for group in groups])).encode())
    rows = np.concatenate([plan.source[group] for group in groups], axis=1).astype("<i8")
    reused = False
    digests = []
    for call, timestep in enumerate(plan.timesteps):
        if not reused and bool((rows[call] != call).any()):
            reused = True
            content.update(how.encode())
        content.update(str(timestep).encode())
        content.update(rows[call].tobytes())
        digests.append(content.hexdigest()[:32])
    return tuple(digests)


def kept_peak(plan: Plan, calls: int, sites: Sites, lanes: int = 1) -> int:
    """The most that is held at once during the first `calls` calls, in bytes.

    Args:
        plan: the decisions; nothing that these calls compute is used after them.
        calls: how many.
        sites: what each keeps.
        lanes: transformer calls per denoising step.
    """
    course = islice(cache_course(plan, sites, lanes), calls)
    return max((change.held for changes in course for change in changes), default=0)


def resume_calls(plan: Plan) -> npt.NDArray[np.bool_]:
    """(calls + 1,): whether a video can be taken up at a call.

    That is where nothing which is reused from there on was computed before. The last entry, after
    all calls, is always true, and so is the first.
    """
    sources = np.concatenate(list(plan.source.values()), axis=1).min(axis=1)
    earliest = np.minimum.accumulate(sources[::-1])[::-1]
    return np.append(earliest >= np.arange(plan.calls), True)


def resume_call(plan: Plan, shared: int) -> int:
    """The last call at which a video can be taken up, if its first `shared` calls are known.

    Where a call reuses what a known one has computed, that one is computed again: only the
    transformer's output is known, not what each site put out.
    """
    return int(np.flatnonzero(resume_calls(plan)[: shared + 1]).max())
