"""How much memory a policy holds: the whole video is run without numbers, and the bytes counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pab_bench.cost.transformer_work import WithoutTimestep
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.engine.plan import Plan
from pab_bench.engine.policy import Policy
from pab_bench.engine.sites import Architecture, transformers_of

_NUMBERS = (1e-6, 1e6)
_READS: Mapping[Any, Callable[[float], Any]] = {
    torch.Tensor.item: float,
    torch.Tensor.tolist: float,
    torch.Tensor.__float__: float,
    torch.Tensor.__int__: int,
    torch.Tensor.__bool__: bool,
}


class _Numbers(TorchFunctionMode):
    """A context in which a number that is read from a tensor without numbers is a given one."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self._number = number

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Read the number, or do what was asked for."""
        if func in _READS and args[0].is_meta:
            return _READS[func](self._number)
        return func(*args, **(kwargs or {}))


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

    Returns:
        Where decisions are open, the larger of two videos: all numbers that the policy reads from
        tensors are small in one, and large in the other.
    """
    if plan.is_open:
        ways = []
        for number in _NUMBERS:
            with _Numbers(number):
                ways.append(_held(architecture, inputs, plan, policy, options))
        return max(ways)
    return _held(architecture, inputs, plan, policy, options)


def _held(
    architecture: Architecture,
    inputs: Sequence[Mapping[str, Any]],
    plan: Plan,
    policy: Callable[[], Policy],
    options: CacheOptions,
) -> int:
    own = WithoutTimestep(architecture)
    options = CacheOptions(options.dtype)  # Bytes are the same wherever they lie.
    transformers = transformers_of(architecture)
    engine = Engine(own, plan, lanes=len(inputs), cache=options, policy=policy)
    with torch.no_grad(), engine:
        for call in range(plan.calls):
            for given in inputs:
                transformers[plan.transformer(call)](**given)
        return engine.peak_cache_bytes
