"""All stages of the embedded Wan: causal autoencoder, bank of latents, transformer."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan

from pab_bench.minis.hardware import Hardware
from pab_bench.minis.latent_bank import tokenise
from pab_bench.minis.train_transformer import TrainingSet, TransformerRecipe, train_transformer
from pab_bench.minis.train_wan_vae import WanVaeRecipe, train_wan_vae
from pab_bench.minis.wan_bank import WanBank, make_wan_bank
from pab_bench.minis.wan_model import WanTraining, build_tokenizer, build_vae


def load_wan_vae(work: Path) -> AutoencoderKLWan:
    """The trained autoencoder (averaged weights) of a work folder."""
    state = torch.load(work / "wan_vae.pt", map_location="cpu", weights_only=True)
    vae = build_vae()
    vae.load_state_dict(state["average"])
    return vae.eval()


def load_wan_bank(work: Path, hardware: Hardware, clips: int) -> WanBank:
    """The encoded clips of a work folder, made at the first call."""
    path = work / "wan_bank.safetensors"
    return make_wan_bank(load_wan_vae(work), path, clips, hardware.device, hardware.autocast)


def train_wan(
    work: Path,
    clips: int,
    vae: WanVaeRecipe,
    recipe: TransformerRecipe,
    hardware: Hardware,
) -> None:
    """Train, or go on training, all stages in the folder `work`."""
    torch.manual_seed(vae.seed)
    train_wan_vae(work, build_vae(), vae, hardware.device, hardware.autocast)
    bank = load_wan_bank(work, hardware, clips)
    tokens, mask = tokenise(build_tokenizer(), bank.texts())
    torch.manual_seed(recipe.seed)
    model = WanTraining()
    if hardware.compiled:  # Blocks are alike and compiled once: that takes seconds, not minutes.
        for block in model.transformer.blocks:
            block.compile()
    data = TrainingSet(bank.latents, tokens, mask)
    device, autocast = hardware.device, hardware.autocast
    train_transformer(work, "wan", model, model, data, recipe, device, autocast, compiled=False)
