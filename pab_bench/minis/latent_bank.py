"""Stage 2: clips encoded once, so that training a transformer does not wait for the autoencoder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import T5Tokenizer

from pab_bench.minis.captions import Caption, all_captions
from pab_bench.minis.render import FRAMES, sample_clips
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel
from pab_bench.systems.open_sora_plan.vae_layers import CausalConv3d

_CHUNK = 32
_FIRST_INDEX = 10_000_000
"""Index of the first chunk: the autoencoder's own batches use lower ones."""


@dataclass(frozen=True)
class LatentBank:
    """Standardised latents and what is needed to standardise others.

    Attributes:
        latents: (clips, channels, frames, height, width) float16, zero mean and unit variance
            per channel.
        caption_indices: (clips,) int64 into `all_captions()`.
        mean: (channels,) float32, of the raw latents.
        std: (channels,) float32, likewise.
    """

    latents: torch.Tensor
    caption_indices: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    def captions(self) -> list[Caption]:
        """The caption of every clip."""
        captions = all_captions()
        return [captions[int(i)] for i in self.caption_indices]

    def texts(self) -> list[str]:
        """The caption of every clip as a sentence."""
        return [caption.text for caption in self.captions()]


def tokenise(tokenizer: T5Tokenizer, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and mask (texts, words) of texts of equal length, all words known.

    Raises:
        ValueError: for a word that the tokenizer does not know.
    """
    encoded = tokenizer(texts, return_tensors="pt")
    if (encoded.input_ids == tokenizer.unk_token_id).any():
        row = int((encoded.input_ids == tokenizer.unk_token_id).any(1).nonzero()[0, 0])
        raise ValueError(f"the tokenizer does not know a word of {texts[row]!r}")
    return encoded.input_ids, encoded.attention_mask


def make_bank(
    vae: AutoencoderKL,
    path: Path,
    clips: int,
    seed: int,
    device: torch.device,
    autocast: bool,
    frames: int = FRAMES,
) -> LatentBank:
    """Load the bank at `path`, or encode `clips` clips of `frames` frames and write it there."""
    vae = vae.to(device, memory_format=torch.channels_last).eval()

    def encode(video: torch.Tensor) -> torch.Tensor:
        images = video.transpose(1, 2).flatten(0, 1)
        images = images.to(device, memory_format=torch.channels_last)
        mean: torch.Tensor = vae.encode(images).latent_dist.mean
        return mean.unflatten(0, (len(video), -1)).transpose(1, 2)

    return bank_of(encode, path, clips, seed, autocast, frames)


@torch.no_grad()
def bank_of(
    encode: Callable[[torch.Tensor], torch.Tensor],
    path: Path,
    clips: int,
    seed: int,
    autocast: bool,
    frames: int,
) -> LatentBank:
    """Load the bank at `path`, or make it with `encode` and write it there.

    Args:
        encode: videos (clips, 3, frames, height, width) in [-1, 1] to latents.
        path: of the bank.
        clips: how many, a multiple of 32.
        seed: of the clips.
        autocast: encode in bfloat16.
        frames: of a clip.
    """
    if not path.exists():
        index_of: dict[Caption, int] = {c: i for i, c in enumerate(all_captions())}
        latents, indices = [], []
        for chunk in range(clips // _CHUNK):
            batch = sample_clips(_CHUNK, seed, _FIRST_INDEX + chunk, length=frames)
            video = batch.video.permute(0, 4, 1, 2, 3) * 2 - 1
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                latents.append(encode(video).float().cpu())
            indices += [index_of[c] for c in batch.captions]
            if chunk % 32 == 0:
                print(f"bank {chunk * _CHUNK}/{clips}", flush=True)
        raw = torch.cat(latents)
        mean, std = raw.mean((0, 2, 3, 4)), raw.std((0, 2, 3, 4))
        shape = (1, -1, 1, 1, 1)
        standard = (raw - mean.view(shape)) / std.view(shape)
        tensors = {
            "latents": standard.half().contiguous(),
            "caption_indices": torch.tensor(indices),
            "mean": mean,
            "std": std,
        }
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary)
        os.replace(temporary, path)
    with safe_open(path, "pt") as file:
        return LatentBank(**{name: file.get_tensor(name) for name in LatentBank.__annotations__})


@torch.no_grad()
def fold_standardisation(
    vae: AutoencoderKL | CausalVAEModel, mean: torch.Tensor, std: torch.Tensor
) -> None:
    """Make `vae` speak standardised latents by changing its two quantisation convolutions.

    They have kernels of one pixel (and frame). A pipeline then needs no more than
    `scaling_factor = 1`.
    """
    if vae.quant_conv is None or vae.post_quant_conv is None:
        raise ValueError("the autoencoder has no quantisation convolutions to fold into")
    inner = ".conv" if isinstance(vae.quant_conv, CausalConv3d) else ""
    channels = len(mean)
    weight = vae.get_parameter(f"quant_conv{inner}.weight")
    bias = vae.get_parameter(f"quant_conv{inner}.bias")
    ones = [1] * (weight.dim() - 2)
    weight[:channels] /= std.view(-1, 1, *ones)
    bias[:channels] = (bias[:channels] - mean) / std
    bias[channels:] -= 2 * std.log()  # The second half holds log variances.
    weight = vae.get_parameter(f"post_quant_conv{inner}.weight")
    bias = vae.get_parameter(f"post_quant_conv{inner}.bias")
    bias += (weight.flatten(1) * mean).sum(1)
    weight *= std.view(1, -1, *ones)
