"""Lets a pipeline's call run without its transformer computing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn


@dataclass(frozen=True)
class _Shape:
    """Of a tensor."""

    size: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


def shape_of(output: Any) -> Any:
    """What a transformer returned, with shapes in place of tensors."""
    if isinstance(output, torch.Tensor):
        return _Shape(tuple(output.shape), output.dtype, output.device)
    if isinstance(output, tuple | list):
        return type(output)(map(shape_of, output))
    if isinstance(output, Mapping):  # diffusers' own outputs, among others.
        return type(output)(**{key: shape_of(value) for key, value in output.items()})
    return output


def _zeros(shape: Any) -> Any:
    if isinstance(shape, _Shape):
        return torch.zeros(shape.size, dtype=shape.dtype, device=shape.device)
    if isinstance(shape, tuple | list):
        return type(shape)(map(_zeros, shape))
    if isinstance(shape, Mapping):
        return type(shape)(**{key: _zeros(value) for key, value in shape.items()})
    return shape


class BlankTransformer:
    """A context in which a transformer returns zeros.

    Args:
        transformer: the module that the pipeline calls.
        outputs: by the calls of a step what it returns, as `shape_of` has it.
    """

    def __init__(self, transformer: nn.Module, outputs: Sequence[Any]) -> None:
        self._transformer = transformer
        self._outputs = outputs

    def __enter__(self) -> Self:
        """Attach."""
        self._own = self._transformer.__dict__.get("forward")
        outputs = cycle(self._outputs)

        def forward(*args: Any, **kwargs: Any) -> Any:
            return _zeros(next(outputs))

        self._transformer.forward = forward  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the transformer's own `forward`."""
        if self._own is None:
            del self._transformer.forward
        else:
            self._transformer.forward = self._own  # type: ignore[method-assign]
