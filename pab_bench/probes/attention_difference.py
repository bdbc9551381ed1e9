"""How much each site's output changes from one denoising step to the next."""

from __future__ import annotations

import math

import torch

from pab_bench.engine.observation import Place, SiteOutput

COLUMNS = ("mse", "relative_l1", "cosine", "energy")

Sums = tuple[torch.Tensor, torch.Tensor]
"""Of the squares and of the absolute values of a tensor, not read from the device yet."""


class AttentionDifference:
    """An observer for `Engine` that keeps one earlier output per site, and numbers.

    For outputs o_s of a site at consecutive steps, over all elements of the guidance batch:
    mse = mean((o_s - o_{s-1})^2), the paper's measure; relative_l1 = sum|o_s - o_{s-1}| /
    sum|o_{s-1}|; cosine = the similarity of o_s and o_{s-1}; energy = mean(o_s^2).

    Where a denoising step takes several calls of the transformer, each of these lanes is a sequence
    of its own, and only outputs of one lane are compared with each other. So it is where a model
    goes over to another transformer: there is no row of the first step of either.

    Both tensors of a site are measured: `ungated`, the module's output, and `gated`, what is added
    to the residual stream. Cross-attention has no gate, so there both rows are equal.

    One recorder should serve all videos: its memory is taken once, and the first video of a new one
    is slower by that.

    Source: PAB, arXiv 2408.12588, Figure 2; VideoSys issues 154 and 231.
    """

    def __init__(self) -> None:
        self._places: list[tuple[int, Place, int]] = []
        self._values: list[torch.Tensor] = []
        self._sites: dict[Place, _Site] = {}
        self._rooms: dict[tuple[torch.Size, torch.device], torch.Tensor] = {}

    def start_video(self) -> None:
        """Forget the last video."""
        self._places.clear()
        self._values.clear()
        for site in self._sites.values():
            site.sums = None

    def observe(self, output: SiteOutput) -> None:
        """Compare a site's output with the previous one of its lane."""
        place = output.place
        site = self._sites.get(place)
        if site is None or site.output.shape != output.ungated.shape:
            key = output.ungated.shape, output.ungated.device
            if key not in self._rooms:
                self._rooms[key] = torch.empty(key[0], device=key[1])
            site = self._sites[place] = _Site(output.ungated, self._rooms[key])
        if output.begins:
            site.sums = None
        totals = site.replace(output.ungated, output.gate, output.gated)
        if totals is not None:
            self._places.append((output.call, place, site.elements))
            self._values += totals

    def rows(self, timesteps: tuple[int, ...]) -> list[dict[str, object]]:
        """One row per step (from a transformer's second on), site, lane and tensor.

        Its values are `COLUMNS`.
        """
        if not self._values:
            return []
        # Together, since every transfer from a GPU waits for it.
        totals = torch.stack(self._values).view(len(self._places), 2, -1).double().cpu().tolist()
        return [
            {
                "step": step,
                "timestep": timesteps[step],
                "kind": group.kind,
                "branch": group.branch,
                "block": block,
                "lane": lane,
                "tensor": tensor,
                **_measures(count, *values),
            }
            for (step, (group, lane, block), count), both in zip(self._places, totals, strict=True)
            for tensor, values in zip(("ungated", "gated"), both, strict=True)
        ]


class _Site:
    """The last output of a site before the gate, the gate, and the sums of both tensors.

    A model so small that its outputs fit into a processor's cache is slowed down less by arithmetic
    than by touching more memory, and most of all by touching new memory: everything is computed in
    one room, and the output is written over the last one.

    Args:
        output: a tensor like those to come.
        room: float32, of the same shape, which all sites share.

    Attributes:
        output: the last one.
        elements: of an output.
        sums: of the last output, before and after the gate; None if there is none.
    """

    def __init__(self, output: torch.Tensor, room: torch.Tensor) -> None:
        self.output = torch.empty_like(output, memory_format=torch.contiguous_format)
        self.elements = output.numel()
        self.sums: tuple[Sums, Sums] | None = None
        self._gate: torch.Tensor | None = None
        self._room = room
        self._flat = room.view(-1)

    def replace(
        self, ungated: torch.Tensor, gate: torch.Tensor | None, gated: torch.Tensor
    ) -> tuple[torch.Tensor, ...] | None:
        """Put a new output in the last one's place.

        Returns:
            The five totals that `_measures` takes, of the tensor before the gate and of that after
            it; None if there was no output before.
        """
        room, flat, last = self._room, self._flat, self.sums
        if last is not None:
            torch.sub(ungated.float(), self.output, out=room)
            change = gated_change = _sums(flat, flat)
            if self._gate is not None:
                # What was gated is computed again, in its own dtype as it was.
                if gated.dtype == torch.float32:
                    torch.addcmul(gated, self._gate, self.output, value=-1, out=room)
                else:
                    torch.sub(gated.float(), self._gate * self.output, out=room)
                gated_change = _sums(flat, flat)
        now = gated_now = _sums(ungated.float().reshape(-1), flat)
        if gate is not None:
            gated_now = _sums(gated.float().reshape(-1), flat)
        self.output.copy_(ungated)
        self.sums, self._gate = (now, gated_now), gate
        if last is None:
            return None
        return *change, now[0], *last[0], *gated_change, gated_now[0], *last[1]


def _sums(values: torch.Tensor, room: torch.Tensor) -> Sums:
    square = torch.dot(values, values)
    # Several times as fast as `vector_norm(..., 1)`.
    return square, torch.abs(values, out=room).sum()


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
