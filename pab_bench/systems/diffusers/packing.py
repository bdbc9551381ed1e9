"""What a module returns, as tensors alone, and back."""

from __future__ import annotations

from typing import Any

import torch

from pab_bench.engine.sites import Output

Layout = tuple[bool, ...] | None
"""Of a tuple where its tensors stand, the other entries being None; None for a single tensor."""


def layout_of(result: object) -> Layout:
    """The layout of what a module returned.

    Raises:
        TypeError: if it is neither a tensor nor a tuple of tensors and None.
    """
    if isinstance(result, torch.Tensor):
        return None
    if isinstance(result, tuple) and any(isinstance(own, torch.Tensor) for own in result):
        layout = tuple(isinstance(own, torch.Tensor) for own in result)
        if all(is_tensor or own is None for is_tensor, own in zip(layout, result, strict=True)):
            return layout
    raise TypeError(f"returned {type(result).__name__}, not a tensor or a tuple of tensors")


def pack(result: Any) -> Output:
    """The tensors alone: one, or a tuple of several."""
    if isinstance(result, torch.Tensor):
        return result
    tensors = tuple(own for own in result if own is not None)
    return tensors[0] if len(tensors) == 1 else tensors


def unpack(output: Output, layout: Layout) -> Any:
    """What the module would have returned."""
    if layout is None:
        return output
    tensors = iter(output if isinstance(output, tuple) else (output,))
    return tuple(next(tensors) if is_tensor else None for is_tensor in layout)
