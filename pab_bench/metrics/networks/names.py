"""Published tensors by the names that a library's network has for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pab_bench.metrics.networks.loading import State

Names = tuple[tuple[str, str], ...]
"""Regular expressions and their replacements, applied to a name in this order."""
PARTS = "qkv"


def renamed(state: State, names: Names) -> dict[str, torch.Tensor]:
    """The tensors by their new names; a name that no expression matches stays.

    Args:
        state: tensors by their published names.
        names: the table. `{}` in a new name stands for q, k and v, one after the other: the
            tensor has query, key and value below each other, the network has three.

    Raises:
        ValueError: if two tensors get the same name, or one has no three parts.
    """
    result: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        for pattern, replacement in names:
            name = re.sub(pattern, replacement, name)
        pieces = tensor.chunk(len(PARTS)) if "{}" in name else [tensor]
        new = [name.replace("{}", letter) for letter in PARTS] if "{}" in name else [name]
        for key, piece in zip(new, pieces, strict=True):
            if key in result:
                raise ValueError(f"two tensors are called {key}")
            result[key] = piece
    return result
