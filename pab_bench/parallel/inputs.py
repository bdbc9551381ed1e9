"""What a transformer was called with, call by call, so that ranks can be compared afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

_LATENTS = "hidden_states"
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class CallInputs:
    """Shapes of latents, and a checksum of all tensors, of every call.

    Checksums stay where they are computed until somebody asks, so that nothing is waited for.
    """

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._sums: list[torch.Tensor] = []

    def note(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Note a call of a transformer by its arguments."""
        latents: torch.Tensor = kwargs[_LATENTS] if _LATENTS in kwargs else args[0]
        self.shapes.append(tuple(latents.shape))
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)]
        parts = [checksum(x).to(latents.device) for x in tensors]
        self._sums.append(torch.stack(parts).sum())

    def checksums(self) -> list[int]:
        """One of every call."""
        return [int(total) for total in self._sums]


def checksum(tensor: torch.Tensor) -> torch.Tensor:
    """Sum up a tensor's bits, weighted by their places: an int64 scalar on its device.

    It wraps around, and so does not depend on the order of the additions.
    """
    words = tensor.detach().contiguous().view(-1)
    if words.dtype == torch.bool:
        words = words.view(torch.uint8)
    words = words.view(_WORDS[words.element_size()]).long()
    places = torch.arange(1, 2 * len(words) + 1, 2, device=words.device)
    return (words * places).sum()
