"""How much each site's output changes from one denoising step to the next."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from pab_bench.broadcast.kinds import Group

COLUMNS = ("mse", "relative_l1", "cosine", "energy")


class AttentionDifference:
    """An observer for `Broadcast` that keeps one earlier output per site, and numbers.

    For outputs o_s of a site at consecutive steps, over all elements of the guidance batch:
    mse = mean((o_s - o_{s-1})^2), the paper's measure; relative_l1 = sum|o_s - o_{s-1}| /
    sum|o_{s-1}|; cosine = the similarity of o_s and o_{s-1}; energy = mean(o_s^2).

    Both tensors of a site are measured: `ungated`, the module's output, and `gated`, what is added
    to the residual stream. Cross-attention has no gate, so there both rows are equal.

    Source: PAB, arXiv 2408.12588, Figure 2; VideoSys issues 154 and 231.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[int, Group, int, str]] = []
        self._values: list[_Sums] = []
        self._previous: dict[tuple[Group, int], _Previous] = {}
        self._rooms: dict[tuple[torch.Size, torch.dtype, torch.device], _Room] = {}

    def start_video(self) -> None:
        """Forget the last video."""
        self._rows.clear()
        self._values.clear()
        self._previous.clear()

    def observe(
        self,
        group: Group,
        block: int,
        call: int,
        ungated: torch.Tensor,
        gate: torch.Tensor | None,
        gated: torch.Tensor,
    ) -> None:
        """Compare a site's output with its previous one."""
        previous = self._previous.get((group, block))
        if previous is None:
            key = ungated.shape, ungated.dtype, ungated.device
            room = self._rooms.setdefault(key, _Room(ungated))
            self._previous[group, block] = _Previous(ungated, gate, gated, room)
            return
        before, after = previous.compare(ungated, gate, gated)
        self._note((call, group, block, "ungated"), before)
        self._note((call, group, block, "gated"), after)

    def _note(self, place: tuple[int, Group, int, str], sums: _Sums) -> None:
        self._rows.append(place)
        self._values.append(sums)

    def rows(self, timesteps: tuple[int, ...]) -> list[dict[str, object]]:
        """One row per step (from the second on), site and tensor; see `COLUMNS`."""
        if not self._values:
            return []
        # Together, since every transfer from a GPU waits for it.
        sums = torch.stack([total for values in self._values for total in values.totals])
        numbers = sums.view(len(self._values), -1).double().cpu().tolist()
        return [
            {
                "step": step,
                "timestep": timesteps[step],
                "kind": group.kind,
                "branch": group.branch,
                "block": block,
                "tensor": tensor,
                **_measures(values.elements, *row),
            }
            for (step, group, block, tensor), values, row in zip(
                self._rows, self._values, numbers, strict=True
            )
        ]


class _Room:
    """Memory for what is computed on the way, for all sites of one shape.

    Memory that is asked for anew is cold: for a small model that costs more than the arithmetic.
    """

    def __init__(self, output: torch.Tensor) -> None:
        self.product = torch.empty_like(output, memory_format=torch.contiguous_format)
        self.exact = torch.empty(output.shape, device=output.device)
        self.flat = self.exact.view(-1)

    def sums(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the squares and of the absolute values of a float32 tensor."""
        flat = values.reshape(-1)
        square = torch.dot(flat, flat)
        # Several times as fast as `vector_norm(..., 1)`.
        return square, torch.abs(flat, out=self.flat).sum()


class _Previous:
    """The last output of a site before the gate, the gate, and the totals of both tensors.

    What came after the gate is computed again when it is needed, exactly as it was: reading it
    from memory, where it has lain for a whole step, takes longer.
    """

    def __init__(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor, room: _Room
    ) -> None:
        self._room = room
        self._ungated = ungated.detach().clone(memory_format=torch.contiguous_format)
        self._keep(ungated, gate, gated)

    def _keep(self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor) -> None:
        self._gate = gate
        self._sums = self._room.sums(ungated.float())
        self._gated_sums = self._sums if gate is None else self._room.sums(gated.float())

    def compare(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> tuple[_Sums, _Sums]:
        """The differences to a new output, before and after the gate; it takes this one's place."""
        room, sums, gated_sums = self._room, self._sums, self._gated_sums
        change = room.sums(torch.sub(ungated.float(), self._ungated, out=room.exact))
        gated_change = change
        if self._gate is not None:
            product = torch.mul(self._gate, self._ungated, out=room.product)
            gated_change = room.sums(torch.sub(product.float(), gated, out=room.exact))
        self._ungated.copy_(ungated)
        self._keep(ungated, gate, gated)
        count = ungated.numel()
        return (
            _Sums(count, (*change, self._sums[0], *sums)),
            _Sums(count, (*gated_change, self._gated_sums[0], *gated_sums)),
        )


class _Sums(NamedTuple):
    """What the measures of one site and step follow from: the number of elements, and totals.

    The totals are those of `_measures`, not read from the device yet.
    """

    elements: int
    totals: tuple[torch.Tensor, ...]


def _measures(
    count: int,
    square_difference: float,
    absolute_difference: float,
    square: float,
    square_before: float,
    absolute_before: float,
) -> dict[str, float]:
    # The dot product of both outputs, from the three sums of squares.
    product = (square + square_before - square_difference) / 2
    norms = math.sqrt(square * square_before)
    return {
        "mse": square_difference / count,
        "relative_l1": absolute_difference / absolute_before if absolute_before else math.nan,
        "cosine": product / norms if norms else math.nan,
        "energy": square / count,
    }
