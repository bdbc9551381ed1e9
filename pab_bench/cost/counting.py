"""Counts the multiply-adds of real modules on the `meta` device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from pab_bench.cost.work import Work
from pab_bench.engine.attention_functions import FUSED, PRODUCTS
from pab_bench.errors import PabBenchError

_ACTIVATION = 3
"""Dimensions that an activation has at least: samples, tokens, width."""
LINEAR = frozenset({F.linear, F.conv1d, F.conv2d, F.conv3d})


class UnknownWork(PabBenchError):
    """A function does arithmetic of which it is not known what it is for."""


class WorkCounter:
    """A context in which the work of everything that runs is summed up.

    PyTorch's `FlopCounterMode` counts the operations that reach a kernel; which function asked for
    them says what they are for. Fused attention is counted by its shapes where its kernel is one
    that PyTorch's counter does not know, and otherwise both must agree.

    Attributes:
        work: what was done so far.
        unseen: the part of it that PyTorch's counter did not see.
    """

    def __init__(self) -> None:
        self.work = Work()
        self.unseen = 0
        self._operations = FlopCounterMode(display=False)
        self._functions = _Functions(self)

    def __enter__(self) -> WorkCounter:
        """Count."""
        self._operations.__enter__()
        self._functions.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Count no longer.

        Raises:
            UnknownWork: if something was counted outside the functions that are known.
        """
        self._functions.__exit__(*error)
        self._operations.__exit__(*error)
        seen = self.work.linear + self.work.attention - self.unseen
        if error[0] is None and self.counted() != seen:
            raise UnknownWork(
                f"{self.counted()} multiply-adds were seen, of which only {self.work} are known"
            )

    def counted(self) -> int:
        """All multiply-adds that PyTorch's counter has seen."""
        return sum(self._operations.flop_counts["Global"].values()) // 2


class _Functions(TorchFunctionMode):
    def __init__(self, counter: WorkCounter) -> None:
        super().__init__()
        self._counter = counter

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        before = self._counter.counted()
        result = func(*args, **(kwargs or {}))
        done = self._counter.counted() - before
        if func is FUSED:
            work = Work(attention=_attention(done, *args, **(kwargs or {})))
            self._counter.work += work
            self._counter.unseen += 0 if done else work.attention
        elif done and func in LINEAR:
            self._counter.work += Work(linear=done)
        elif done and func is torch.einsum:
            self._counter.work += _einsum(done, *args)
        elif done and func in PRODUCTS:
            self._counter.work += Work(attention=done)
        elif done:
            name = getattr(func, "__name__", repr(func))
            raise UnknownWork(f"{name} does {done} multiply-adds: is it linear or attention?")
        return result


def _attention(
    counted: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any
) -> int:
    """Multiply-adds of a fused attention, by its shapes."""
    rows = math.prod(query.shape[:-1])
    by_shape = rows * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    if counted not in (0, by_shape):
        raise UnknownWork(
            f"attention of {tuple(query.shape)} to {tuple(key.shape)} should take {by_shape} "
            f"multiply-adds, {counted} were counted"
        )
    return by_shape


def _einsum(done: int, equation: str, *operands: Any) -> Work:
    """Of two activations it is attention; a weight or a list of positions makes it linear."""
    tensors = [own for own in tree_iter(operands) if isinstance(own, torch.Tensor)]
    if any(isinstance(own, nn.Parameter) or own.ndim < _ACTIVATION for own in tensors):
        return Work(linear=done)
    return Work(attention=done)


def work_of(run: Callable[[], object]) -> Work:
    """The work of a function, which must run on `meta` tensors."""
    with torch.no_grad(), WorkCounter() as counter:
        run()
    return counter.work
