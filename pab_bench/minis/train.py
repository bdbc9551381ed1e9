"""Trains an embedded mini from nothing: `python -m pab_bench.minis.train --work DIR`.

Three stages, each resumable: the autoencoder, the latents of the training clips, the text encoder
and the transformer. `python -m pab_bench.minis.export` then writes the checkpoint.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import AutoencoderKL

from pab_bench.minis.latent_bank import LatentBank, make_bank
from pab_bench.minis.train_latte import LatteRecipe, train_latte
from pab_bench.minis.train_vae import VaeRecipe, build_vae, train_vae

BANK_CLIPS = 10_240


def load_vae(work: Path) -> AutoencoderKL:
    """The trained autoencoder (averaged weights) of a work folder."""
    state = torch.load(work / "vae.pt", map_location="cpu", weights_only=True)
    vae = build_vae()
    vae.load_state_dict(state["average"])
    return vae.eval()


def load_bank(work: Path, device: torch.device, autocast: bool, clips: int) -> LatentBank:
    """The encoded clips of a work folder, made at the first call."""
    return make_bank(
        load_vae(work), work / "bank.safetensors", clips, seed=0, device=device, autocast=autocast
    )


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.train", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and logs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast")
    parser.add_argument("--no-compile", action="store_true", help="do not use torch.compile")
    parser.add_argument("--vae-steps", type=int, default=VaeRecipe.steps)
    parser.add_argument("--decoder-steps", type=int, default=VaeRecipe.decoder_steps)
    parser.add_argument("--steps", type=int, default=LatteRecipe.steps)
    parser.add_argument("--clips", type=int, default=BANK_CLIPS)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    device, autocast = torch.device(arguments.device), not arguments.float32
    vae_recipe = replace(
        VaeRecipe(), steps=arguments.vae_steps, decoder_steps=arguments.decoder_steps
    )
    train_vae(arguments.work, vae_recipe, device, autocast)
    bank = load_bank(arguments.work, device, autocast, arguments.clips)
    recipe = replace(LatteRecipe(), steps=arguments.steps)
    train_latte(arguments.work, bank, recipe, device, autocast, not arguments.no_compile)


if __name__ == "__main__":
    main()
