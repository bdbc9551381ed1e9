"""The causal video autoencoder of the embedded Wan, trained from nothing on whole clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan

from pab_bench.minis.crossing.render import sample_clips
from pab_bench.minis.train_vae import VaeRecipe, foreground, reconstruction_loss
from pab_bench.minis.training_state import (
    Checkpoint,
    MovingAverage,
    Progress,
    learning_rate,
    step_generator,
)
from pab_bench.minis.whole_sequence import WholeSequence

_WEIGHTS = VaeRecipe(foreground_weight=3.0)


@dataclass(frozen=True)
class WanVaeRecipe:
    """Hyper-parameters of the stage."""

    steps: int = 3900
    clips: int = 32
    peak_learning_rate: float = 1e-3
    warm_up: int = 200
    hold: float = 0.4
    kl_weight: float = 1e-4
    ema_decay: float = 0.998
    seed: int = 0


def train_wan_vae(
    folder: Path,
    vae: AutoencoderKLWan,
    recipe: WanVaeRecipe,
    device: torch.device,
    autocast: bool,
) -> None:
    """Train, or go on training, and leave `wan_vae.pt` in `folder`.

    Clips are drawn on the device while it trains: no clip is seen twice.

    Args:
        folder: where checkpoints and the log are kept.
        vae: the autoencoder.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16.
    """
    vae = vae.to(device)
    optimiser = torch.optim.AdamW(
        vae.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-4, fused=True
    )
    average = MovingAverage(vae, recipe.ema_decay)
    checkpoint = Checkpoint(folder, "wan_vae")
    first = checkpoint.resume(vae, optimiser, average)
    progress = Progress("wan_vae", recipe.steps, first)
    with WholeSequence(vae) as whole:
        for step in range(first, recipe.steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(
                    step, recipe.steps, recipe.peak_learning_rate, recipe.warm_up, recipe.hold
                )
            clips = sample_clips(recipe.clips, recipe.seed, step, device=str(device))
            video = clips.video.permute(0, 4, 1, 2, 3) * 2 - 1
            noise = step_generator(recipe.seed, 5, step, device)
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                output, divergence = _roundtrip(whole, video, noise)
            images, target = (v.transpose(1, 2).flatten(0, 1).float() for v in (output, video))
            mask = foreground(clips.mask.flatten(0, 1))
            loss = reconstruction_loss(images, target, mask, _WEIGHTS)
            optimiser.zero_grad(set_to_none=True)
            (loss + recipe.kl_weight * divergence).backward()
            torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
            optimiser.step()
            average.update(vae, step)
            psnr = 10 * torch.log10(4 / (images.detach() - target).square().mean())
            if row := progress.update(step, loss=loss, kl=divergence, psnr=psnr):
                checkpoint.log(row)
            if (step + 1) % 1000 == 0 or step + 1 == recipe.steps:
                checkpoint.save(vae, optimiser, average, step + 1)


def _roundtrip(
    whole: WholeSequence, video: torch.Tensor, noise: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Encode, draw, decode: the video again, and the divergence of its latents from noise."""
    mean, log_variance = whole.moments(video).float().chunk(2, dim=1)
    log_variance = log_variance.clamp(-30, 20)
    drawn = torch.randn(mean.shape, generator=noise, device=mean.device)
    output = whole.decode(mean + drawn * (0.5 * log_variance).exp())
    return output, 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
