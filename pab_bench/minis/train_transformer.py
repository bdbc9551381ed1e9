"""The last stage of every mini: text encoder and transformer, trained together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from pab_bench.minis.training_state import (
    Checkpoint,
    MovingAverage,
    Progress,
    learning_rate,
    step_generator,
)


@dataclass(frozen=True)
class TransformerRecipe:
    """Hyper-parameters of the last stage."""

    steps: int = 6000
    batch: int = 16
    peak_learning_rate: float = 1e-3
    hold: float = 0.4
    weight_decay: float = 0.01
    caption_dropout: float = 0.1
    ema_decay: float = 0.999
    seed: int = 0


@dataclass(frozen=True)
class TrainingSet:
    """What the transformer learns from.

    Attributes:
        latents: (clips, channels, frames, height, width), standardised.
        tokens: (clips, words) int64, the captions.
        mask: (clips, words) int64, 1 = a word.
    """

    latents: torch.Tensor
    tokens: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class Noised:
    """Inputs and target of one training step: latents at their timesteps, what to predict."""

    noisy: torch.Tensor
    timesteps: torch.Tensor
    target: torch.Tensor


class TextToVideo(Protocol):
    """One architecture's part of the training, a module with the text encoder inside."""

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> Noised:
        """Corrupt `clean` (batch, ...) with `noise`; `levels` (batch,) in [0, 1), 1 = noisiest."""
        ...

    def forward(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        dropped: torch.Tensor,
    ) -> torch.Tensor:
        """The prediction; rows that are `dropped` (batch,) see no caption."""
        ...


def train_transformer(
    folder: Path,
    stage: str,
    model: nn.Module,
    architecture: TextToVideo,
    data: TrainingSet,
    recipe: TransformerRecipe,
    device: torch.device,
    autocast: bool,
    compiled: bool,
) -> None:
    """Train, or go on training, and leave `<stage>.pt` in `folder`.

    Args:
        folder: where checkpoints and the log are kept.
        stage: name of the checkpoint.
        model: text encoder and transformer as one module.
        architecture: the same module, as the part of the training that differs.
        data: the encoded clips and their captions.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16 (faster on GPUs and on CPUs with AMX).
        compiled: use `torch.compile`, which needs a C++ compiler on a CPU.
    """
    model = model.to(device)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True
    )
    average = MovingAverage(model, recipe.ema_decay)
    checkpoint = Checkpoint(folder, stage)
    first = checkpoint.resume(model, optimiser, average)
    forward = torch.compile(model) if compiled else model

    data = TrainingSet(data.latents.to(device), data.tokens.to(device), data.mask.to(device))
    progress = Progress(stage, recipe.steps, first)
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(
                step, recipe.steps, recipe.peak_learning_rate, 300, recipe.hold
            )
        random = step_generator(recipe.seed, 3, step, device)
        drawn: Any = {"generator": random, "device": device}
        chosen = torch.randint(len(data.latents), (recipe.batch,), **drawn)
        clean = data.latents[chosen].float()
        dropped = torch.rand(recipe.batch, **drawn) < recipe.caption_dropout
        # Stratified levels: every batch covers the whole range of timesteps.
        spread = torch.arange(recipe.batch, device=device) + torch.rand(recipe.batch, **drawn)
        noise = torch.randn(clean.shape, **drawn)
        noised = architecture.noised(clean, noise, spread / recipe.batch)

        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            prediction = forward(
                noised.noisy, noised.timesteps, data.tokens[chosen], data.mask[chosen], dropped
            )
        loss = F.mse_loss(prediction.float(), noised.target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model, step)
        if row := progress.update(step, loss=loss):
            checkpoint.log(row)
        if (step + 1) % 500 == 0 or step + 1 == recipe.steps:
            checkpoint.save(model, optimiser, average, step + 1)
