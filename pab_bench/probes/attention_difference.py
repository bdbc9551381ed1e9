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
        self._rooms: dict[tuple[torch.Size, torch.device], _Room] = {}

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
            key = ungated.shape, ungated.device
            if key not in self._rooms:
                self._rooms[key] = _Room(ungated)
            self._previous[group, block] = _Previous(ungated, gate, gated, self._rooms[key])
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

    A model so small that its outputs fit into a processor's cache is slowed down less by arithmetic
    than by touching more memory: everything is done in one place, and as few times as possible.
    """

    def __init__(self, output: torch.Tensor) -> None:
        self._values = torch.empty(output.shape, device=output.device)
        self._flat = self._values.view(-1)

    def sums(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the squares and of the absolute values of a float32 tensor."""
        flat = values.reshape(-1)
        square = torch.dot(flat, flat)
        # Several times as fast as `vector_norm(..., 1)`.
        return square, torch.abs(flat, out=self._flat).sum()

    def change(self, now: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`sums` of the difference, in float32."""
        return self.sums(torch.sub(now.float(), before, out=self._values))

    def gated_change(
        self, now: torch.Tensor, gate: torch.Tensor, before: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`sums` of the difference to `gate * before`, which is computed again as it was."""
        if now.dtype == torch.float32:
            return self.sums(torch.addcmul(now, gate, before, value=-1, out=self._values))
        return self.change(now, gate * before)


class _Previous:
    """The last output of a site before the gate, the gate, and the totals of both tensors."""

    def __init__(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor, room: _Room
    ) -> None:
        self._room = room
        self._ungated = ungated.detach().clone(memory_format=torch.contiguous_format)
        self._gate = gate
        self._sums, self._gated_sums = self._totals(ungated, gate, gated)

    def _totals(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        sums = self._room.sums(ungated.float())
        return sums, sums if gate is None else self._room.sums(gated.float())

    def compare(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> tuple[_Sums, _Sums]:
        """The differences to a new output, before and after the gate; it takes this one's place."""
        before, gated_before = self._sums, self._gated_sums
        self._sums, self._gated_sums = self._totals(ungated, gate, gated)
        change = self._room.change(ungated, self._ungated)
        gated_change = change
        if self._gate is not None:
            gated_change = self._room.gated_change(gated, self._gate, self._ungated)
        self._ungated.copy_(ungated)
        self._gate = gate
        count = ungated.numel()
        return (
            _Sums(count, (*change, self._sums[0], *before)),
            _Sums(count, (*gated_change, self._gated_sums[0], *gated_before)),
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
