"""The causal video autoencoder of the embedded Open-Sora-Plan.

It begins as the trained image autoencoder, as upstream's began as Stable Diffusion's: image
convolutions are copied, and become the present frame's part of causal ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import nn

from pab_bench.minis.render import Clips, sample_clips
from pab_bench.minis.train_vae import VaeRecipe, foreground, reconstruction_loss
from pab_bench.minis.training_state import Checkpoint, MovingAverage, Progress, learning_rate
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

_RENAMED = (
    ("mid_block.resnets.0", "mid.block_1"),
    ("mid_block.resnets.1", "mid.block_2"),
    ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
    ("mid_block.attentions.0.to_q", "mid.attn_1.q.conv"),
    ("mid_block.attentions.0.to_k", "mid.attn_1.k.conv"),
    ("mid_block.attentions.0.to_v", "mid.attn_1.v.conv"),
    ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out.conv"),
    ("conv_norm_out", "norm_out"),
    ("conv_shortcut", "nin_shortcut"),
    ("downsamplers.0", "downsample"),
    ("upsamplers.0", "upsample"),
    ("resnets", "block"),
)


@dataclass(frozen=True)
class CausalVaeRecipe:
    """Hyper-parameters of the stage."""

    steps: int = 1500
    clips: int = 2
    frames: int = 17
    peak_learning_rate: float = 6e-4
    kl_weight: float = 1e-4
    ema_decay: float = 0.995
    seed: int = 0


@torch.no_grad()
def begin_as_images(video_vae: CausalVAEModel, image_vae: AutoencoderKL) -> None:
    """Begin as the image autoencoder: every frame coded for itself, then averaged over time.

    The latents may have more channels than those of images; the additional ones begin small.

    Raises:
        ValueError: if a tensor of the image autoencoder has no place.
    """
    levels = len(image_vae.config.block_out_channels)
    state = video_vae.state_dict()
    channels = image_vae.config.latent_channels
    more = video_vae.config.embed_dim - channels
    moments = [*range(channels), *range(channels + more, 2 * channels + more)]
    inner = range(channels)
    # Axes of tensors that hold latent channels: (outputs, inputs).
    widened: dict[str, tuple[Sequence[int] | None, Sequence[int] | None]] = {
        "encoder.conv_out": (moments, None),
        "quant_conv": (moments, moments),
        "post_quant_conv": (inner, inner),
        "decoder.conv_in": (None, inner),
    }
    for name, value in image_vae.state_dict().items():
        target = _place(state, _our_name(name, levels))
        outputs, inputs = widened.get(name.rpartition(".")[0], (None, None))
        if outputs is not None or inputs is not None:
            if name.startswith(("quant", "post")) and target.dim() > 1:
                target.zero_()
                for channel in range(min(target.shape[:2])):
                    target[channel, channel] = 1
            else:
                target.mul_(0.1)
        if target.dim() == 5:  # The kernel's last frame is the present one.
            rest = target[..., -1, :, :]
            chosen = _chosen(target.shape, outputs, inputs)
            target[chosen] = 0
            rest[chosen] = value if value.dim() == 4 else value[..., None, None]
        else:
            target[_chosen(target.shape, outputs, None)] = value


def _place(state: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    head, _, leaf = name.rpartition(".")
    for candidate in (name, f"{head}.conv.{leaf}"):
        if candidate in state:
            return state[candidate]
    raise ValueError(f"the video autoencoder has no place for {name}")


def _chosen(
    shape: Sequence[int], outputs: Sequence[int] | None, inputs: Sequence[int] | None
) -> tuple[torch.Tensor, ...]:
    rows = torch.tensor(list(range(shape[0]) if outputs is None else outputs))
    if len(shape) < 2:
        return (rows,)
    columns = torch.tensor(list(range(shape[1]) if inputs is None else inputs))
    return rows[:, None], columns[None, :]


def _our_name(name: str, levels: int) -> str:
    for theirs, ours in _RENAMED:
        name = name.replace(theirs, ours)
    for level in range(levels):
        name = name.replace(f"down_blocks.{level}.", f"down.{level}.")
        name = name.replace(f"up_blocks.{level}.", f"up.{levels - 1 - level}.")
    return name


def _batch(recipe: CausalVaeRecipe, step: int) -> Clips:
    return sample_clips(recipe.clips, recipe.seed + 7, step, length=recipe.frames)


def train_causal_vae(
    folder: Path,
    vae: CausalVAEModel,
    recipe: CausalVaeRecipe,
    device: torch.device,
    autocast: bool,
    compiled: bool,
) -> None:
    """Train, or go on training, and leave `causal_vae.pt` in `folder`.

    Args:
        folder: where checkpoints and the log are kept.
        vae: the autoencoder, begun as images.
        recipe: hyper-parameters.
        device: where to train.
        autocast: compute in bfloat16.
        compiled: use `torch.compile`.
    """
    model = _Roundtrip(vae).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-4)
    average = MovingAverage(model, recipe.ema_decay)
    checkpoint = Checkpoint(folder, "causal_vae")
    first = checkpoint.resume(model, optimiser, average)
    forward = torch.compile(model) if compiled else model
    weights = VaeRecipe()

    progress = Progress("causal_vae", recipe.steps, first)
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, recipe.peak_learning_rate, 50, 0.3)
        clips = _batch(recipe, step)
        video = (clips.video.permute(0, 4, 1, 2, 3) * 2 - 1).to(device)
        mask = foreground(clips.mask.flatten(0, 1)).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            output, divergence = forward(video)
        frames, target = (v.transpose(1, 2).flatten(0, 1).float() for v in (output, video))
        loss = reconstruction_loss(frames, target, mask, weights)
        total = loss + recipe.kl_weight * divergence
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model, step)
        error = (frames - target).square().mean().item()
        psnr = 10 * torch.log10(torch.tensor(4.0 / error)).item()
        if row := progress.update(step, loss=loss.item(), kl=divergence.item(), psnr=psnr):
            checkpoint.log(row)
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            checkpoint.save(model, optimiser, average, step + 1)


class _Roundtrip(nn.Module):
    """Encode, draw, decode: what is trained, as one module."""

    def __init__(self, vae: CausalVAEModel) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, video: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        moments = self.vae.quant_conv(self.vae.encoder(video))
        mean, log_variance = moments.float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-30, 20)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        output = self.vae.decoder(self.vae.post_quant_conv(latents.to(moments.dtype)))
        return output, 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
