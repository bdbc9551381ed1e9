"""The embedded minis, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from pab_bench.config.compose import compose
from pab_bench.registry import load
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.registry import load_sampler

NAMES = ("latte", "open_sora", "open_sora_plan", "wan")


@dataclass(frozen=True)
class Mini:
    """One embedded mini as its model configuration describes it.

    Attributes:
        settings: the model's settings.
        steps: its denoising steps.
        guidance: its guidance scale.
    """

    settings: ModelSettings
    steps: int
    guidance: float

    def load(self, path: str | None = None, random_weights: bool = False) -> Any:
        """Its sampler on the CPU in float32; `path` instead of the checkpoint in the package."""
        settings = replace(self.settings, path=path, random_weights=random_weights)
        return load_sampler(settings, "cpu", "float32")


def find_mini(name: str) -> Mini:
    """The mini `name`, one of `NAMES`."""
    settings = compose(model=f"{name}_mini")
    return Mini(settings.model, settings.steps, settings.guidance)


def reconstruction(name: str) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    """What sends a video (frames, height, width, 3) in [0, 1] through a pipeline's autoencoder."""
    function: Callable[[Any, torch.Tensor], torch.Tensor] = load(
        f"pab_bench.minis.{name}_model:reconstruct"
    )
    return function
