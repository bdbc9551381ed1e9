"""The call of a whole transformer: left out, made for half of the guidance batch, or made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from pab_bench.engine.places import At, CallDecision, Look
from pab_bench.engine.policy import Policy
from pab_bench.errors import PabBenchError


class NoHalves(PabBenchError):
    """A transformer is not called with a guidance batch, of which half could be computed."""


class CallRunner:
    """Stands around a transformer's forward and does what a policy decides of each call.

    Args:
        policy: gives the policy of the current video.
        decided: told of every decision, with the call as it is made, before it is carried out.
        call_output: the policy's, watched.
    """

    def __init__(
        self,
        policy: Callable[[], Policy],
        decided: Callable[[At, CallDecision], None],
        call_output: Callable[[At, Look], torch.Tensor],
    ) -> None:
        self._policy, self._decided, self._call_output = policy, decided, call_output
        self._like: Any = None

    def begin_call(self, at: At) -> None:
        """The transformer is about to be called."""
        self._at = at

    def around(self, own: Callable[..., Any]) -> Callable[..., Any]:
        """What takes the place of the transformer's forward, `own`."""

        def forward(*args: Any, **kwargs: Any) -> Any:
            policy, look = self._policy(), Look(args, kwargs)
            decision = policy.at_call(self._at, look)
            at = replace(self._at, rows=min(decision.rows, 2) or 2)
            self._decided(at, decision)
            if decision is CallDecision.REUSE:
                return _with_value(self._like, self._call_output(at, look))
            if decision is CallDecision.COMPUTE:
                result = own(*args, **kwargs)
                policy.call_ended(at, look, value_of(result))
            else:
                second = decision is CallDecision.SECOND_HALF
                batch = len(look.latents)
                check_halves(batch)
                result = own(*half_of(args, batch, second), **half_of(kwargs, batch, second))
                result = _with_value(result, policy.whole(at, look, value_of(result)))
            self._like = _without_value(result)
            return result

        return forward


def check_halves(batch: int) -> None:
    """Refuse a batch that cannot have both halves of classifier-free guidance.

    Args:
        batch: its length.

    Raises:
        NoHalves: if it is odd.
    """
    if batch % 2:
        raise NoHalves(
            f"the transformer is called with a batch of {batch}, which has no two "
            "halves of classifier-free guidance"
        )


def half_of(given: Any, batch: int, second: bool) -> Any:
    """Take one half of all tensors whose first axis is the guidance batch; others are as they are.

    Args:
        given: a tensor, or tuples, lists and mappings of them.
        batch: length of the guidance batch.
        second: whether it is the second half.
    """
    if isinstance(given, torch.Tensor):
        if given.dim() == 0 or len(given) != batch:
            return given
        return given.chunk(2)[int(second)]
    if isinstance(given, Mapping):
        return {name: half_of(own, batch, second) for name, own in given.items()}
    if isinstance(given, tuple | list):
        return type(given)(half_of(own, batch, second) for own in given)
    return given


def value_of(result: Any) -> torch.Tensor:
    """What a transformer predicts, of what it returns: a tensor, a tuple or an output class."""
    value: torch.Tensor = result if isinstance(result, torch.Tensor) else result[0]
    return value


def _with_value(result: Any, value: torch.Tensor) -> Any:
    """What a transformer returns with another prediction in it."""
    if isinstance(result, torch.Tensor) or result is None:
        return value
    if isinstance(result, tuple):
        return (value, *result[1:])
    return type(result)(**{**result, next(iter(result)): value})


def _without_value(result: Any) -> Any:
    """The form of a result; the prediction in it is not held."""
    return _with_value(result, torch.empty(0))
