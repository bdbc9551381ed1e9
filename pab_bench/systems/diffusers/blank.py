"""Lets a pipeline's call run without its transformer computing anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch


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


def zeros_of(shape: Any, device: torch.device | None = None) -> Any:
    """Zeros of the shapes that `shape_of` has found, on `device` or where the output was."""
    if isinstance(shape, _Shape):
        return torch.zeros(shape.size, dtype=shape.dtype, device=device or shape.device)
    if isinstance(shape, tuple | list):
        return type(shape)(zeros_of(own, device) for own in shape)
    if isinstance(shape, Mapping):
        return type(shape)(**{key: zeros_of(own, device) for key, own in shape.items()})
    return shape


class BlankTape:
    """A tape by which a transformer returns zeros at every call; see `Playback`.

    Args:
        outputs: by the calls of a step what the transformer returns, as `shape_of` has it.
    """

    known = sys.maxsize

    def __init__(self, outputs: Sequence[Any]) -> None:
        self._outputs = outputs

    def play(self, call: int, lane: int) -> Any:
        """Zeros of the shapes that this call of a step returns."""
        return zeros_of(self._outputs[lane])

    def record(self, call: int, lane: int, output: Any) -> None:
        """Nothing is ever computed."""
        raise RuntimeError(f"call {call} was computed, although all are known")
