"""Operations on tensors without numbers, each worked out once for inputs of the same shapes.

PyTorch works out many shapes in Python, which takes up to milliseconds for a single operation; a
video's calls of a transformer repeat the same ones hundreds of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_Result = tuple[torch.Size, tuple[int, ...], torch.dtype]
"""Shape, strides and dtype of a tensor on the `meta` device."""


class _NotKnown(Exception):
    """Inputs that a result cannot be remembered for."""


class KnownShapes(TorchDispatchMode):
    """While it is active, operations on the `meta` device are looked up once they were seen.

    Views, operations in place, and all that has numbers on another device are done as ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Any, tuple[_Result, ...]] = {}
        self._is_new: dict[Any, bool] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, or look it up."""
        del types
        kwargs = kwargs or {}
        if not self._gives_new_tensors(func):
            return func(*args, **kwargs)
        try:
            key = (func, _described(args), _described(kwargs))
            known = self._known.get(key)
        except (_NotKnown, TypeError):  # TypeError: an argument that cannot be hashed.
            return func(*args, **kwargs)
        if known is not None:
            made = [torch.empty_strided(*own, dtype=dtype, device="meta") for *own, dtype in known]
            return made[0] if len(func._schema.returns) == 1 else tuple(made)
        result = func(*args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        if all(isinstance(own, torch.Tensor) and own.is_meta for own in results):
            self._known[key] = tuple((own.shape, own.stride(), own.dtype) for own in results)
        return result

    def _gives_new_tensors(self, func: Any) -> bool:
        """Whether an operation returns tensors, which share no memory with its inputs."""
        known = self._is_new.get(func)
        if known is None:
            schema = func._schema
            values = [*schema.arguments, *schema.returns]
            tensors = all(str(value.type) == "Tensor" for value in schema.returns)
            known = bool(schema.returns) and tensors and all(v.alias_info is None for v in values)
            self._is_new[func] = known
        return known


def _described(value: Any) -> Any:
    """A key for all that decides about the result of an operation."""
    if isinstance(value, torch.Tensor):
        if not value.is_meta:
            raise _NotKnown
        return value.shape, value.stride(), value.dtype
    if isinstance(value, list | tuple):
        return tuple(map(_described, value))
    if isinstance(value, Mapping):
        return tuple((key, _described(entry)) for key, entry in value.items())
    # 1, 1.0 and True are equal, and give other dtypes.
    return type(value), value
