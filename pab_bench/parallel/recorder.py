"""Sees every collective that a call of a transformer issues, whoever issues it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_NAMESPACES = ("c10d", "_c10d_functional", "_c10d_functional_autograd")
_SILENT = ("wait_tensor", "_wrap_tensor_autograd", "_resolve_group_name")
"""Operators of these namespaces that send nothing."""
_OPERATIONS: Mapping[str, str] = {
    "all_to_all_single": "all_to_all",
    "alltoall_base_": "all_to_all",
    "alltoall_": "all_to_all",
    "all_gather_into_tensor": "all_gather",
    "_allgather_base_": "all_gather",
    "allgather_": "all_gather",
    "reduce_scatter_tensor": "reduce_scatter",
    "_reduce_scatter_base_": "reduce_scatter",
    "all_reduce": "all_reduce",
    "allreduce_": "all_reduce",
}
"""Names that the two families of operators have for one thing; others keep their own."""
_SEVERAL = ("all_to_all", "reduce_scatter")
"""Operations whose input holds a message for every rank of the group."""


@dataclass(frozen=True)
class Collective:
    """One collective as one rank sees it.

    Attributes:
        operation: `all_to_all`, `all_gather`, `reduce_scatter` or what PyTorch calls another.
        where: block and direction (`temporal.0.in`), or `after_blocks`; empty where nobody said.
        ranks: size of the group.
        shape: of one message: what goes to one rank.
        message_bytes: of one message.
    """

    operation: str
    where: str
    ranks: int
    shape: tuple[int, ...]
    message_bytes: int

    @property
    def local_bytes(self) -> int:
        """What a rank hands over: a message for every rank with itself, one to be gathered."""
        return self.message_bytes * (self.ranks if self.operation in _SEVERAL else 1)

    @property
    def sent_bytes(self) -> int:
        """What of it is for other ranks; a gathered message counts once."""
        others = self.ranks - 1 if self.operation in _SEVERAL else min(self.ranks - 1, 1)
        return self.message_bytes * others


class Recorder(TorchDispatchMode):
    """While active, notes every collective, call by call.

    Attributes:
        calls: per call of the transformer its collectives, in order; what comes before the first
            call stands in `outside`.
        outside: collectives of no call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[Collective]] = []
        self.outside: list[Collective] = []
        self._where = ""

    def begin_call(self) -> None:
        """What follows belongs to the next call of the transformer."""
        self.calls.append([])

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Say where the collectives within are issued; the innermost place counts."""
        before, self._where = self._where, where
        try:
            yield
        finally:
            self._where = before

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Note a collective, and let everything be done as it is."""
        del types
        kwargs = kwargs or {}
        space, _, name = func._schema.name.partition("::")  # type: ignore[attr-defined]
        if space in _NAMESPACES and name not in _SILENT:
            own = self.calls[-1] if self.calls else self.outside
            own.append(self._read(name, func, args, kwargs))
        return func(*args, **kwargs)

    def _read(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Collective:
        operation = _OPERATIONS.get(name, name)
        names = (argument.name for argument in func._schema.arguments)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        ranks = _group_size(given)
        tensor = _sent_tensor(given)
        if tensor is None:
            return Collective(operation, self._where, ranks, (), 0)
        shape = tuple(tensor.shape)
        if operation in _SEVERAL:
            # One message; a first dimension that only counts the ranks is none of its own.
            shape = shape[1:] if shape[0] == ranks else (shape[0] // ranks, *shape[1:])
        return Collective(
            operation, self._where, ranks, shape, math.prod(shape) * tensor.element_size()
        )


def _group_size(given: Mapping[str, Any]) -> int:
    """Of the group that an operator's arguments name, by its name or by itself."""
    from torch.distributed import distributed_c10d as c10d

    if "group_name" in given:
        # Functional operators name their group; nothing public looks it up.
        return int(c10d._resolve_process_group(given["group_name"]).size())  # type: ignore[attr-defined]
    group = given.get("process_group")
    if group is None:
        return 1
    kind = c10d.ProcessGroup
    return int((group if isinstance(group, kind) else kind.unbox(group)).size())


def _sent_tensor(given: Mapping[str, Any]) -> torch.Tensor | None:
    """What the operator sends: its first input that is a tensor, or a list of some."""
    names = [name for name in given if "input" in name or name in ("self", "tensor", "tensors")]
    for name in names:
        value = given[name]
        while isinstance(value, list | tuple) and value:
            value = value[0]
        if isinstance(value, torch.Tensor):
            return value
    return None
