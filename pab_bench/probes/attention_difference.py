"""How much each site's output changes from one denoising step to the next."""

from __future__ import annotations

import math

import torch

from pab_bench.broadcast.kinds import Group
from pab_bench.probes.last_output import FusedOutput, LastOutput, TorchOutput

COLUMNS = ("mse", "relative_l1", "cosine", "energy")
_SUMS = 4
"""Of each of the two tensors."""


class AttentionDifference:
    """An observer for `Broadcast` that keeps one earlier output per site, and numbers.

    For outputs o_s of a site at consecutive steps, over all elements of the guidance batch:
    mse = mean((o_s - o_{s-1})^2), the paper's measure; relative_l1 = sum|o_s - o_{s-1}| /
    sum|o_{s-1}|; cosine = the similarity of o_s and o_{s-1}; energy = mean(o_s^2).

    Both tensors of a site are measured: `ungated`, the module's output, and `gated`, what is added
    to the residual stream. Cross-attention has no gate, so there both rows are equal.

    One recorder should serve all videos: its memory is taken once, and the first video of a new one
    is slower by that.

    Source: PAB, arXiv 2408.12588, Figure 2; VideoSys issues 154 and 231.
    """

    def __init__(self) -> None:
        self._places: list[tuple[int, Group, int, int, bool]] = []
        self._sums: list[torch.Tensor] = []
        self._sites: dict[tuple[Group, int, torch.Size, torch.dtype], LastOutput] = {}
        self._rooms: dict[tuple[torch.Size, torch.device], torch.Tensor] = {}

    def start_video(self) -> None:
        """Forget the last video."""
        self._places.clear()
        self._sums.clear()
        for site in self._sites.values():
            site.known = False

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
        key = group, block, ungated.shape, ungated.dtype
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = self._site(ungated, gate)
        self._places.append((call, group, block, ungated.numel(), site.known))
        self._sums += site.replace(ungated, gate, gated)

    def rows(self, timesteps: tuple[int, ...]) -> list[dict[str, object]]:
        """One row per step (from the second on), site and tensor; see `COLUMNS`."""
        if not self._sums:
            return []
        # Together, since every transfer from a GPU waits for it.
        flat = torch.cat([sums.reshape(-1) for sums in self._sums])
        totals = flat.view(len(self._places), 2, _SUMS).double().cpu().tolist()
        rows: list[dict[str, object]] = []
        before: dict[tuple[Group, int], list[list[float]]] = {}
        for (step, group, block, count, changed), both in zip(self._places, totals, strict=True):
            last = before.get((group, block))
            before[group, block] = both
            if not changed or last is None:
                continue
            rows += (
                {
                    "step": step,
                    "timestep": timesteps[step],
                    "kind": group.kind,
                    "branch": group.branch,
                    "block": block,
                    "tensor": tensor,
                    **_measures(count, *own, *earlier[2:]),
                }
                for tensor, own, earlier in zip(("ungated", "gated"), both, last, strict=True)
            )
        return rows

    def _site(self, output: torch.Tensor, gate: torch.Tensor | None) -> LastOutput:
        fused = FusedOutput.of(output, gate)
        if fused is not None:
            return fused
        key = output.shape, output.device
        if key not in self._rooms:
            self._rooms[key] = torch.empty(key[0], device=key[1])
        return TorchOutput(output, self._rooms[key])


def _measures(
    count: int,
    square_difference: float,
    absolute_difference: float,
    square: float,
    _absolute: float,
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
