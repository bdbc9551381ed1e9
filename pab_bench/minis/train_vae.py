"""Stage 1: the image autoencoder of the minis (`AutoencoderKL`, factor 8)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from pab_bench.minis.render import FRAMES, SIDE, Clips, sample_clips
from pab_bench.minis.training_state import (
    Checkpoint,
    MovingAverage,
    Progress,
    learning_rate,
    step_generator,
)


@dataclass(frozen=True)
class VaeRecipe:
    """Hyper-parameters of stage 1. `decoder_steps` more refine the decoder alone."""

    steps: int = 4000
    decoder_steps: int = 0
    clips: int = 8
    frames_per_clip: int = 2
    peak_learning_rate: float = 2e-3
    foreground_weight: float = 4.0
    edge_weight: float = 0.5
    kl_weight: float = 3e-4
    ema_decay: float = 0.995
    seed: int = 0


def build_vae() -> AutoencoderKL:
    """The untrained autoencoder: (3, 64, 64) in [-1, 1] to (8, 8, 8)."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=8,
        norm_num_groups=8,
        sample_size=SIDE,
        scaling_factor=1.0,
    )


def _batch(recipe: VaeRecipe, step: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    frames = np.random.Generator(np.random.PCG64([recipe.seed, 1, step])).choice(
        FRAMES, recipe.frames_per_clip, replace=False
    )
    clips: Clips = sample_clips(recipe.clips, recipe.seed, step, [int(f) for f in frames])
    images = clips.video.flatten(0, 1).permute(0, 3, 1, 2) * 2 - 1
    return (
        images.to(device, memory_format=torch.channels_last),
        foreground(clips.mask.flatten(0, 1)).to(device),
    )


def foreground(mask: torch.Tensor) -> torch.Tensor:
    """Where the object and its rim are: (images, 1, height, width) from (images, height, width)."""
    return F.max_pool2d(mask[:, None], 5, stride=1, padding=2)


def _edges(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return image[..., 1:, :] - image[..., :-1, :], image[..., :, 1:] - image[..., :, :-1]


def reconstruction_loss(
    output: torch.Tensor, images: torch.Tensor, mask: torch.Tensor, recipe: VaeRecipe
) -> torch.Tensor:
    """Absolute error, the object and its rim weighing more, plus the error of the edges."""
    weight = 1 + recipe.foreground_weight * mask
    loss = ((output - images).abs() * weight).mean() / weight.mean()
    for ours, theirs in zip(_edges(output), _edges(images), strict=True):
        loss = loss + recipe.edge_weight * (ours - theirs).abs().mean()
    return loss


def train_vae(folder: Path, recipe: VaeRecipe, device: torch.device, autocast: bool) -> None:
    """Train, or go on training, and leave `vae.pt` in `folder`.

    Args:
        folder: where checkpoints and the log are kept.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16 (faster on GPUs and on CPUs with AMX).
    """
    torch.manual_seed(recipe.seed)
    vae = build_vae().to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(vae.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-4)
    average = MovingAverage(vae, recipe.ema_decay)
    checkpoint = Checkpoint(folder, "vae")
    first = checkpoint.resume(vae, optimiser, average)

    total = recipe.steps + recipe.decoder_steps
    progress = Progress("vae", total, first)
    for step in range(first, total):
        refining = step >= recipe.steps
        vae.encoder.requires_grad_(not refining)
        vae.quant_conv.requires_grad_(not refining)
        start, length = (recipe.steps, recipe.decoder_steps) if refining else (0, recipe.steps)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step - start, length, recipe.peak_learning_rate, 100, 0.3)
        images, mask = _batch(recipe, step, device)
        noise = step_generator(recipe.seed, 1, step)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            posterior = vae.encode(images).latent_dist
            mean, std = posterior.mean, posterior.std
            sample = mean + std * torch.randn(mean.shape, generator=noise).to(device)
            output = vae.decode(sample).sample
        kl = posterior.kl().mean() / mean[0].numel()
        loss = reconstruction_loss(output.float(), images, mask, recipe) + recipe.kl_weight * kl
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        average.update(vae, step)
        error = F.mse_loss(output.detach().float() / 2, images / 2)
        row = progress.update(
            step, loss=loss.item(), kl=kl.item(), psnr=-10 * torch.log10(error).item()
        )
        if row:
            checkpoint.log(row)
        if (step + 1) % 200 == 0 or step + 1 == total:
            checkpoint.save(vae, optimiser, average, step + 1)
