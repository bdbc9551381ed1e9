"""How wrong each site's output would be if an earlier one were reused, for several lags."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from pab_bench.engine.observation import Place, SiteOutput


class LaggedDifference:
    """An observer for `Engine` that compares every output with those of the last steps.

    For what a site adds to the residual stream at call s, r_s, and what it would add if the output
    of call s - k were reused, r_{s,k}: mse = mean((r_s - r_{s,k})^2) for k = 1 .. `lags`, over all
    elements of the guidance batch, and energy = mean(r_s^2). If what is kept is the output after
    the gate, r_{s,k} = r_{s-k}, and the mse of lag 1 is the paper's attention difference of the
    gated output. If it is the output before the gate, r_{s,k} = gate_s * output_{s-k}.

    Where a denoising step takes several calls of the transformer, each of these lanes is a sequence
    of its own, and only outputs of one lane are compared with each other. So it is where a model
    goes over to another transformer.

    Memory is bounded: of every site (in each lane) the last `lags` outputs are kept in float32, of
    each at most `elements` numbers, evenly strided over all of them. The stride shares no factor
    with the number of elements, so that no channel, token or frame is systematically left out. If a
    site has no more numbers than that, the result is exact.

    Source: PAB, arXiv 2408.12588, Figure 2, extended from one step to several.

    Args:
        lags: how many earlier calls an output is compared with.
        elements: how many numbers of each output are kept.
        ungated: whether outputs are reused before the gate.

    Raises:
        ValueError: if `lags` or `elements` is below 1.
    """

    def __init__(self, lags: int = 8, elements: int = 65_536, ungated: bool = False) -> None:
        for name, value in (("lags", lags), ("elements", elements)):
            if value < 1:
                raise ValueError(f"{name}: must be at least 1, got {value}")
        self.lags = lags
        self.elements = elements
        self._ungated = ungated
        self._kept: dict[Place, _Last] = {}
        self._places: list[tuple[int, Place, int, int]] = []
        self._values: list[torch.Tensor] = []

    def start_video(self) -> None:
        """Forget the last video."""
        self._kept.clear()
        self._places.clear()
        self._values.clear()

    @property
    def kept_bytes(self) -> int:
        """What is held of the sites seen so far; see `held_bytes` for what it will be."""
        return sum(last.outputs.nbytes for last in self._kept.values())

    def observe(self, output: SiteOutput) -> None:
        """Compare a site's output with the last ones of its lane.

        Raises:
            ValueError: if its size is not that of the last ones.
        """
        gate, gated = output.gate, output.gated
        step = stride(gated.numel(), self.elements)
        now = _sample(gated, step)
        reusable, scale = now, None
        if self._ungated and gate is not None:
            reusable = _sample(output.ungated, step)
            scale = _sample(gate.expand_as(gated), step)
        last = None if output.begins else self._kept.get(output.place)
        if last is None:
            last = _Last(torch.empty(self.lags, now.numel(), device=now.device))
            self._kept[output.place] = last
        elif last.outputs.shape[1] != now.numel():
            raise ValueError(
                f"{output.group.name}, block {output.block}: outputs differ in size in one video"
            )
        known = min(last.count, self.lags)
        difference = torch.empty(known + 1, device=now.device)
        for lag in range(1, known + 1):
            earlier = last.outputs[(last.count - lag) % self.lags]
            wrong = now - (earlier if scale is None else scale * earlier)
            difference[lag - 1] = torch.dot(wrong, wrong)
        difference[known] = torch.dot(now, now)
        self._places.append((output.call, output.place, known, gated.numel()))
        self._values.append(difference / now.numel())
        last.outputs[last.count % self.lags] = reusable
        last.count += 1

    def rows(self, timesteps: tuple[int, ...]) -> list[dict[str, object]]:
        """One row per call, site, lane and lag: `mse`, and `energy` and `elements` of the output.

        There are no more lags than earlier calls of the same transformer, and so no rows of the
        first one.
        """
        if not self._values:
            return []
        # Together, since every transfer from a GPU waits for it.
        numbers = iter(torch.cat(self._values).double().cpu().tolist())
        rows: list[dict[str, object]] = []
        for call, (group, lane, block), known, elements in self._places:
            values = [next(numbers) for _ in range(known)]
            energy = next(numbers)
            rows += [
                {
                    "call": call,
                    "timestep": timesteps[call],
                    "kind": group.kind,
                    "branch": group.branch,
                    "block": block,
                    "lane": lane,
                    "lag": lag,
                    "mse": value,
                    "energy": energy,
                    "elements": elements,
                }
                for lag, value in enumerate(values, start=1)
            ]
        return rows


@dataclass
class _Last:
    """A site's last outputs, the n-th in row n modulo their number, and how many there were."""

    outputs: torch.Tensor
    count: int = 0


def stride(total: int, elements: int) -> int:
    """The smallest step through `total` numbers that visits at most `elements` of them.

    It shares no factor with `total`, and so with none of a tensor's dimensions.
    """
    step = max(1, -(-total // elements))
    while math.gcd(step, total) > 1:
        step += 1
    return step


def held_bytes(totals: list[int], lags: int, elements: int) -> int:
    """What a recorder holds for sites whose outputs have `totals` numbers, in bytes.

    A site of several lanes counts once for each of them.
    """
    kept = (-(-total // stride(total, elements)) for total in totals)
    return sum(kept) * lags * torch.float32.itemsize


def _sample(values: torch.Tensor, step: int) -> torch.Tensor:
    """Every `step`-th number in float32, as a tensor of its own."""
    return values.detach().reshape(-1)[::step].float().contiguous()
