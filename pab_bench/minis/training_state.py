"""What every training stage shares: resumable state, learning-rate schedule, EMA, progress."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn


def learning_rate(step: int, total: int, peak: float, warm_up: int, hold: float) -> float:
    """Linear warm-up, hold at `peak` until the share `hold` of `total` steps, cosine to zero."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    start = hold * total
    if step <= start:
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - start) / (total - start))))


class MovingAverage:
    """Exponential moving average of a model's parameters, warmed up over the first steps."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards the model's parameters after optimiser step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        state = model.state_dict()
        own = [v for v in self.values.values() if v.is_floating_point()]
        new = [state[k] for k, v in self.values.items() if v.is_floating_point()]
        torch._foreach_lerp_(own, new, 1 - decay)


class Checkpoint:
    """One stage's state in a folder, written atomically, so that a killed run goes on.

    The random numbers of a step depend on the seed and the step alone, so that a resumed run
    sees the batches that an undisturbed one would have seen.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        self.path = folder / f"{stage}.pt"
        self.log_path = folder / f"{stage}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._spent, self._began = 0.0, time.perf_counter()

    def resume(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, average: MovingAverage
    ) -> int:
        """Put the last saved state in place; the number of steps that are done, 0 at the start."""
        self._began = time.perf_counter()
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        for name, value in average.values.items():
            value.copy_(state["average"][name])  # In place: it stays on the model's device.
        self._spent = state["seconds"]
        return int(state["step"])

    def save(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        average: MovingAverage,
        step: int,
    ) -> None:
        """Replace the saved state by that after `step` steps."""
        state = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.values,
            "step": step,
            "seconds": self._spent + time.perf_counter() - self._began,
        }
        temporary = self.path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def log(self, row: dict[str, Any]) -> None:
        """Append one line of figures."""
        with self.log_path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def step_generator(
    seed: int, stage: int, step: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """The random numbers of one training step, other ones on every kind of device."""
    return torch.Generator(device).manual_seed((seed * 16 + stage) * 2**32 + step)


class Progress:
    """Prints loss, speed and the time that is left."""

    def __init__(self, stage: str, total: int, first: int, every: int = 50) -> None:
        self.stage, self.total, self.first, self.every = stage, total, first, every
        self.began = time.perf_counter()
        self.values: dict[str, list[torch.Tensor | float]] = {}

    def update(self, step: int, **values: torch.Tensor | float) -> dict[str, Any] | None:
        """Take a step's figures; every `every` steps print and return their means.

        Tensors are read only then: reading one waits for its device.
        """
        for name, value in values.items():
            own = value.detach() if isinstance(value, torch.Tensor) else value
            self.values.setdefault(name, []).append(own)
        if (step + 1) % self.every and step + 1 != self.total:
            return None
        means = {name: float(sum(v) / len(v)) for name, v in self.values.items()}
        self.values = {}
        seconds = (time.perf_counter() - self.began) / (step + 1 - self.first)
        left = seconds * (self.total - step - 1)
        figures = "  ".join(f"{name} {value:.5f}" for name, value in means.items())
        print(
            f"{self.stage} {step + 1}/{self.total}  {figures}  "
            f"{seconds:.3f} s/step  {left / 60:.1f} min left",
            flush=True,
        )
        return {"step": step + 1, "seconds_per_step": round(seconds, 4), **means}
