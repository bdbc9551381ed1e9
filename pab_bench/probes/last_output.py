"""The last output of a site, and sums over what a new one changes."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import torch

Sums = tuple[torch.Tensor, ...]
"""Eight numbers, in one tensor or several, not read from the device yet: sum of squares and of
absolute values, of the change and of the output; then the same of both after the gate. Without an
output before, those of the change mean nothing."""


class LastOutput(Protocol):
    """What a site gave last; a new output is written over it.

    Attributes:
        known: whether there is one.
    """

    known: bool

    def replace(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> Sums:
        """Put a new output in the last one's place."""


class FusedOutput:
    """An output of float32 on the CPU, (batch, tokens, channels), gated by channel or not at all.

    Args:
        like: an output like those to come.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self.known = False
        self._last = torch.empty_like(like, memory_format=torch.contiguous_format)
        self._last_values = self._last.numpy()
        self._gate: np.ndarray | None = None

    @classmethod
    def of(cls, output: torch.Tensor, gate: torch.Tensor | None) -> Self | None:
        """One for outputs like this one; None if they are of another kind."""
        plain = output.device.type == "cpu" and output.dtype == torch.float32 and output.dim() == 3
        if not plain:
            return None
        if gate is not None:
            by_channel = (len(output), 1, output.shape[2])
            if tuple(gate.shape) != by_channel or gate.dtype != torch.float32:
                return None
        return cls(output)

    def replace(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> Sums:
        """See `LastOutput`."""
        del gated  # The product is computed again: that is faster than reading it.
        from pab_bench.probes.fused_sums import add_gated, add_plain

        totals = torch.zeros(8, dtype=torch.float64)
        sums = totals.numpy()
        now = ungated.detach().contiguous().numpy()
        last = self._last_values if self.known else now
        if gate is None:
            add_plain(now, last, sums)
            sums[4:] = sums[:4]
        else:
            own = gate.detach()[:, 0].contiguous().numpy()
            add_gated(now, last, own, own if self._gate is None else self._gate, sums)
            self._gate = own
        self._last.copy_(ungated)
        self.known = True
        return (totals,)


class TorchOutput:
    """Any output.

    A model so small that its outputs fit into a processor's cache is slowed down less by arithmetic
    than by touching more memory, and most of all by touching new memory: everything is computed in
    one room, and the output is written over the last one.

    Args:
        like: an output like those to come.
        room: float32, of the same shape, which all sites share.
    """

    def __init__(self, like: torch.Tensor, room: torch.Tensor) -> None:
        self.known = False
        self._last = torch.empty_like(like, memory_format=torch.contiguous_format)
        self._gate: torch.Tensor | None = None
        self._room = room
        self._flat = room.view(-1)

    def replace(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> Sums:
        """See `LastOutput`."""
        room, flat = self._room, self._flat
        change = gated_change = None
        if self.known:
            torch.sub(ungated.float(), self._last, out=room)
            change = gated_change = _sums(flat, flat)
            if self._gate is not None:
                # What was gated is computed again, in its own dtype as it was.
                torch.sub(gated.float(), self._gate * self._last, out=room)
                gated_change = _sums(flat, flat)
        now = gated_now = _sums(ungated.float().reshape(-1), flat)
        if gate is not None:
            gated_now = _sums(gated.float().reshape(-1), flat)
        self._last.copy_(ungated)
        self._gate, self.known = gate, True
        return *(change or now), *now, *(gated_change or gated_now), *gated_now


def _sums(values: torch.Tensor, room: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    square = torch.dot(values, values)
    # Several times as fast as `vector_norm(..., 1)`.
    return square, torch.abs(values, out=room).sum()
