"""How much each site's output changes from one denoising step to the next."""

from __future__ import annotations

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
        self._values: list[torch.Tensor] = []
        self._previous: dict[tuple[Group, int, str], _Output] = {}

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
        gated: torch.Tensor,
    ) -> None:
        """Compare a site's output with its previous one."""
        values = self._compare(group, block, call, "ungated", ungated)
        if gated is not ungated:
            self._compare(group, block, call, "gated", gated)
        elif values is not None:
            self._rows.append((call, group, block, "gated"))
            self._values.append(values)

    def _compare(
        self, group: Group, block: int, call: int, name: str, output: torch.Tensor
    ) -> torch.Tensor | None:
        now = _Output(output.detach())
        before = self._previous.get((group, block, name))
        self._previous[group, block, name] = now
        if before is None:
            return None
        difference = now.flat - before.flat
        square = torch.dot(difference, difference)
        count = difference.numel()
        # The dot product of both outputs, from the three sums of squares at hand.
        cosine = (now.square + before.square - square) / (2 * (now.square * before.square).sqrt())
        values = torch.stack(
            [
                square / count,
                torch.linalg.vector_norm(difference, 1) / before.absolute,
                cosine,
                now.square / count,
            ]
        )
        self._rows.append((call, group, block, name))
        self._values.append(values)
        return values

    def rows(self, timesteps: tuple[int, ...]) -> list[dict[str, object]]:
        """One row per step (from the second on), site and tensor; see `COLUMNS`."""
        if not self._values:
            return []
        numbers = torch.stack(self._values).double().cpu().tolist()
        return [
            {
                "step": step,
                "timestep": timesteps[step],
                "kind": group.kind,
                "branch": group.branch,
                "block": block,
                "tensor": tensor,
                **dict(zip(COLUMNS, values, strict=True)),
            }
            for (step, group, block, tensor), values in zip(self._rows, numbers, strict=True)
        ]


class _Output:
    """One output, flat and in float32, with its two norms."""

    def __init__(self, output: torch.Tensor) -> None:
        # A copy only where the dtype changes; the engine never writes into an output.
        self.flat = output.float().reshape(-1)
        self.square = torch.dot(self.flat, self.flat)
        self.absolute = torch.linalg.vector_norm(self.flat, 1)
