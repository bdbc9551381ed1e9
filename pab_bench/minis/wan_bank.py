"""Clips of crossing objects, encoded once by the embedded Wan's autoencoder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from safetensors import safe_open
from safetensors.torch import save_file

from pab_bench.minis.crossing.captions import caption_of
from pab_bench.minis.crossing.render import sample_clips
from pab_bench.minis.whole_sequence import WholeSequence

_FIRST_INDEX = 10_000_000
"""Index of the first chunk: the autoencoder's own batches use lower ones."""


@dataclass(frozen=True)
class WanBank:
    """Standardised latents, captions, and what is needed to standardise other latents.

    Attributes:
        latents: (clips, channels, frames, height, width) float16, zero mean and unit variance
            per channel.
        captions: (clips, attributes) int64, as `CrossingCaption.indices` has them.
        mean: (channels,) float32, of the raw latents.
        std: (channels,) float32, likewise.
    """

    latents: torch.Tensor
    captions: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    def texts(self) -> list[str]:
        """The caption of every clip as a sentence."""
        return [caption_of(row).text for row in self.captions.tolist()]


@torch.no_grad()
def make_wan_bank(
    vae: AutoencoderKLWan,
    path: Path,
    clips: int,
    device: torch.device,
    autocast: bool,
    chunk: int = 128,
) -> WanBank:
    """Load the bank at `path`, or encode clips and write it there.

    Args:
        vae: the trained autoencoder.
        path: of the bank.
        clips: how many, rounded up to a multiple of `chunk`.
        device: where to draw and encode.
        autocast: encode in bfloat16.
        chunk: clips that are encoded at once, on which depends which clips are drawn.
    """
    if not path.exists():
        latents, captions = [], []
        with WholeSequence(vae.to(device).eval()) as whole:
            for index in range(-(-clips // chunk)):
                drawn = sample_clips(chunk, 0, _FIRST_INDEX + index, device=str(device))
                video = drawn.video.permute(0, 4, 1, 2, 3) * 2 - 1
                with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                    mean = whole.moments(video).float().chunk(2, dim=1)[0]
                latents.append(mean)
                captions += [caption.indices() for caption in drawn.captions]
                if index % 64 == 0:
                    print(f"bank {index * chunk}/{clips}", flush=True)
        raw = torch.cat(latents)
        deviation, mean = torch.std_mean(raw, (0, 2, 3, 4))
        shape = (1, -1, 1, 1, 1)
        standard = (raw - mean.view(shape)) / deviation.view(shape)
        tensors = {
            "latents": standard.half().cpu().contiguous(),
            "captions": torch.tensor(captions),
            "mean": mean.cpu(),
            "std": deviation.cpu(),
        }
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary)
        os.replace(temporary, path)
    with safe_open(path, "pt") as file:
        return WanBank(**{name: file.get_tensor(name) for name in WanBank.__annotations__})
