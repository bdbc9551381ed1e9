"""How much memory a policy holds: the whole video is run without numbers, and the bytes counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from pab_bench.cost.known_shapes import KnownShapes
from pab_bench.cost.transformer_work import WithoutTimestep
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.engine.plan import Plan
from pab_bench.engine.policy import Policy
from pab_bench.engine.sites import Architecture, transformers_of


def held_by_policy(
    architecture: Architecture,
    inputs: Sequence[Mapping[str, Any]],
    plan: Plan,
    policy: Callable[[], Policy],
    options: CacheOptions,
) -> int:
    """Count the most bytes that are held at once during a video.

    Args:
        architecture: its transformer lies on the `meta` device.
        inputs: what it is called with in a step, on the `meta` device too, by lane.
        plan: the decisions.
        policy: makes what carries them out.
        options: in which dtype outputs are kept.
    """
    own = WithoutTimestep(architecture)
    options = CacheOptions(options.dtype)  # Bytes are the same wherever they lie.
    transformers = transformers_of(architecture)
    engine = Engine(own, plan, lanes=len(inputs), cache=options, policy=policy)
    with torch.no_grad(), KnownShapes(), engine:
        for call in range(plan.calls):
            for given in inputs:
                transformers[plan.transformer(call)](**given)
        return engine.peak_cache_bytes
