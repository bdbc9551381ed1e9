"""Stage 3: text encoder and transformer of the embedded Latte, trained together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.attention_processor import Attention
from torch import nn
from torch.nn import functional as F

from pab_bench.minis.attention_float32 import Float32AttentionProcessor
from pab_bench.minis.latent_bank import LatentBank
from pab_bench.minis.latte_model import build_scheduler, build_text_encoder, build_transformer
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.training_state import (
    Checkpoint,
    MovingAverage,
    Progress,
    learning_rate,
    step_generator,
)


@dataclass(frozen=True)
class LatteRecipe:
    """Hyper-parameters of stage 3."""

    steps: int = 6000
    batch: int = 16
    peak_learning_rate: float = 1e-3
    hold: float = 0.4
    weight_decay: float = 0.01
    caption_dropout: float = 0.1
    ema_decay: float = 0.999
    seed: int = 0


class TextToVelocity(nn.Module):
    """Text encoder and transformer as one module, so that both train together."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = build_text_encoder()
        self.transformer = build_transformer()

    def forward(
        self,
        latents: torch.Tensor,
        timesteps: torch.Tensor,
        tokens: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Predicted velocity, of `latents`' shape (batch, channels, frames, height, width)."""
        text = self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        prediction = self.transformer(latents, timesteps, text, return_dict=False)[0]
        return prediction.chunk(2, dim=1)[0]


def train_latte(
    folder: Path,
    bank: LatentBank,
    recipe: LatteRecipe,
    device: torch.device,
    autocast: bool,
    compiled: bool,
) -> None:
    """Train, or go on training, and leave `latte.pt` in `folder`.

    Args:
        folder: where checkpoints and the log are kept.
        bank: the encoded clips.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16 (faster on GPUs and on CPUs with AMX).
        compiled: use `torch.compile`, which needs a C++ compiler on a CPU.
    """
    torch.manual_seed(recipe.seed)
    model = TextToVelocity().to(device)
    if autocast and device.type == "cpu":
        _set_processor(model.transformer)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True
    )
    average = MovingAverage(model, recipe.ema_decay)
    checkpoint = Checkpoint(folder, "latte")
    first = checkpoint.resume(model, optimiser, average)
    forward = torch.compile(model) if compiled else model

    tokenizer = build_tokenizer()
    encoded = tokenizer(bank.texts(), return_tensors="pt")
    length = encoded.input_ids.shape[1]
    empty = tokenizer("", padding="max_length", max_length=length, return_tensors="pt")
    alphas = build_scheduler().alphas_cumprod

    progress = Progress("latte", recipe.steps, first)
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(
                step, recipe.steps, recipe.peak_learning_rate, 300, recipe.hold
            )
        random = step_generator(recipe.seed, 3, step)
        chosen = torch.randint(len(bank.latents), (recipe.batch,), generator=random)
        latents = bank.latents[chosen].float()
        tokens, mask = encoded.input_ids[chosen].clone(), encoded.attention_mask[chosen].clone()
        dropped = torch.rand(recipe.batch, generator=random) < recipe.caption_dropout
        tokens[dropped], mask[dropped] = empty.input_ids, empty.attention_mask
        # Stratified timesteps: every batch covers the whole range.
        spread = torch.arange(recipe.batch) + torch.rand(recipe.batch, generator=random)
        timesteps = (spread / recipe.batch * len(alphas)).long().clamp(max=len(alphas) - 1)
        noise = torch.randn(latents.shape, generator=random)
        signal = alphas[timesteps].sqrt().view(-1, 1, 1, 1, 1)
        sigma = (1 - alphas[timesteps]).sqrt().view(-1, 1, 1, 1, 1)
        noisy = signal * latents + sigma * noise
        velocity = signal * noise - sigma * latents

        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            prediction = forward(
                noisy.to(device), timesteps.to(device), tokens.to(device), mask.to(device)
            )
        loss = F.mse_loss(prediction.float(), velocity.to(device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model, step)
        if row := progress.update(step, loss=loss.item()):
            checkpoint.log(row)
        if (step + 1) % 500 == 0 or step + 1 == recipe.steps:
            checkpoint.save(model, optimiser, average, step + 1)


def _set_processor(transformer: nn.Module) -> None:
    for module in transformer.modules():
        if isinstance(module, Attention):
            module.set_processor(Float32AttentionProcessor())
