"""Stage between autoencoder and transformer of the embedded Open-Sora: its temporal autoencoder.

It learns on the spatial latents of clips, so that frames need not be encoded again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from pab_bench.minis.training_state import (
    Checkpoint,
    MovingAverage,
    Progress,
    learning_rate,
    step_generator,
)
from pab_bench.systems.open_sora.temporal_vae import TemporalVAE


@dataclass(frozen=True)
class TemporalVaeRecipe:
    """Hyper-parameters of the stage."""

    steps: int = 4000
    batch: int = 8
    peak_learning_rate: float = 2e-3
    kl_weight: float = 1e-4
    ema_decay: float = 0.995
    seed: int = 0


def train_temporal_vae(
    folder: Path,
    vae: TemporalVAE,
    spatial_latents: torch.Tensor,
    recipe: TemporalVaeRecipe,
    device: torch.device,
    autocast: bool,
) -> None:
    """Train, or go on training, and leave `temporal_vae.pt` in `folder`.

    Args:
        folder: where checkpoints and the log are kept.
        vae: the temporal autoencoder.
        spatial_latents: (clips, channels, frames, height, width), standardised.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16.
    """
    vae = vae.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(vae.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-4)
    average = MovingAverage(vae, recipe.ema_decay)
    checkpoint = Checkpoint(folder, "temporal_vae")
    first = checkpoint.resume(vae, optimiser, average)
    frames = spatial_latents.shape[2]

    progress = Progress("temporal_vae", recipe.steps, first)
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, recipe.peak_learning_rate, 100, 0.3)
        random = step_generator(recipe.seed, 4, step)
        chosen = torch.randint(len(spatial_latents), (recipe.batch,), generator=random)
        clips = spatial_latents[chosen].float().to(device, memory_format=torch.channels_last_3d)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            mean, log_variance = vae.encode(clips).float().chunk(2, dim=1)
            log_variance = log_variance.clamp(-30, 20)
            noise = torch.randn(mean.shape, generator=random).to(device)
            latents = mean + noise * (0.5 * log_variance).exp()
            output = vae.decode(latents, frames)
        error = output.float() - clips
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        loss = error.abs().mean() + error.square().mean() + recipe.kl_weight * divergence
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        average.update(vae, step)
        figures = {
            "loss": loss.item(),
            "unexplained": (error.var() / clips.var()).item(),
            "kl": divergence.item(),
        }
        if row := progress.update(step, **figures):
            checkpoint.log(row)
        if (step + 1) % 500 == 0 or step + 1 == recipe.steps:
            checkpoint.save(vae, optimiser, average, step + 1)


@torch.no_grad()
def encode_clips(vae: TemporalVAE, spatial_latents: torch.Tensor, batch: int = 64) -> torch.Tensor:
    """Mean latents (clips, channels, latent frames, height, width) of all clips, in float32."""
    return torch.cat(
        [vae.encode(part.float()).chunk(2, dim=1)[0] for part in spatial_latents.split(batch)]
    )
