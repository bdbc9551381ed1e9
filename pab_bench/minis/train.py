"""Trains an embedded mini from nothing: `python -m pab_bench.minis.train latte --work DIR`.

The stages are resumable: the image autoencoder; for Open-Sora the temporal autoencoder, for
Open-Sora-Plan the causal one, which begins as that of images; the latents of the training clips;
last the text encoder with the transformer. Wan has a causal autoencoder alone, and wants a GPU.
`python -m pab_bench.minis.export` then writes the checkpoint.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import AutoencoderKL

from pab_bench.minis import latte_model, open_sora_model, open_sora_plan_model
from pab_bench.minis.hardware import Hardware
from pab_bench.minis.latent_bank import LatentBank, bank_of, make_bank, tokenise
from pab_bench.minis.render import FRAMES
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.minis.train_causal_vae import CausalVaeRecipe, begin_as_images, train_causal_vae
from pab_bench.minis.train_temporal_vae import TemporalVaeRecipe, encode_clips, train_temporal_vae
from pab_bench.minis.train_transformer import TrainingSet, TransformerRecipe, train_transformer
from pab_bench.minis.train_vae import VaeRecipe, build_vae, train_vae
from pab_bench.minis.train_wan import train_wan
from pab_bench.minis.train_wan_vae import WanVaeRecipe
from pab_bench.minis.velocity_training import VelocityTraining
from pab_bench.systems.open_sora.temporal_vae import TemporalVAE
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

CLIPS = {"latte": 10_240, "open_sora": 6_144, "open_sora_plan": 4_096, "wan": 131_072}
STEPS = {"latte": 6_000, "open_sora": 5_500, "open_sora_plan": 5_000, "wan": 5_100}
RECIPES = {"wan": TransformerRecipe(batch=256, peak_learning_rate=1.5e-3, ema_decay=0.9995)}


def load_vae(work: Path) -> AutoencoderKL:
    """The trained image autoencoder (averaged weights) of a work folder."""
    state = torch.load(work / "vae.pt", map_location="cpu", weights_only=True)
    vae = build_vae()
    vae.load_state_dict(state["average"])
    return vae.eval()


def load_bank(work: Path, hardware: Hardware, clips: int, frames: int) -> LatentBank:
    """The encoded clips of a work folder, made at the first call."""
    return make_bank(
        load_vae(work),
        work / "bank.safetensors",
        clips,
        seed=0,
        device=hardware.device,
        autocast=hardware.autocast,
        frames=frames,
    )


def load_temporal_vae(work: Path) -> TemporalVAE:
    """The trained temporal autoencoder (averaged weights) of a work folder."""
    state = torch.load(work / "temporal_vae.pt", map_location="cpu", weights_only=True)
    vae = TemporalVAE(**open_sora_model.TEMPORAL_VAE)
    vae.load_state_dict(state["average"])
    return vae.eval()


def temporal_latents(
    work: Path, bank: LatentBank
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Standardised temporal latents of the bank's clips, and their mean and standard deviation."""
    raw = encode_clips(load_temporal_vae(work), bank.latents)
    mean, std = raw.mean((0, 2, 3, 4)), raw.std((0, 2, 3, 4))
    shape = (1, -1, 1, 1, 1)
    return (raw - mean.view(shape)) / std.view(shape), mean, std


def train_latte(work: Path, clips: int, recipe: TransformerRecipe, hardware: Hardware) -> None:
    """Bank and transformer of the embedded Latte."""
    bank = load_bank(work, hardware, clips, FRAMES)
    tokens, mask = tokenise(build_tokenizer(), bank.texts())
    torch.manual_seed(recipe.seed)
    model = latte_model.build_training(
        attention_in_float32=hardware.autocast and hardware.device.type == "cpu"
    )
    _train(work, "latte", model, TrainingSet(bank.latents, tokens, mask), recipe, hardware)


def train_open_sora(
    work: Path,
    clips: int,
    temporal: TemporalVaeRecipe,
    recipe: TransformerRecipe,
    hardware: Hardware,
) -> None:
    """Bank, temporal autoencoder and transformer of the embedded Open-Sora."""
    bank = load_bank(work, hardware, clips, open_sora_model.FRAMES)
    torch.manual_seed(temporal.seed)
    vae = TemporalVAE(**open_sora_model.TEMPORAL_VAE)
    train_temporal_vae(work, vae, bank.latents, temporal, hardware.device, hardware.autocast)
    latents, _, _ = temporal_latents(work, bank)
    texts = [open_sora_model.prompt_of(caption) for caption in bank.captions()]
    tokens, mask = tokenise(build_tokenizer(open_sora_model.SUFFIX_WORDS), texts)
    torch.manual_seed(recipe.seed)
    model = open_sora_model.OpenSoraTraining()
    _train(work, "open_sora", model, TrainingSet(latents, tokens, mask), recipe, hardware)


def load_causal_vae(work: Path) -> CausalVAEModel:
    """The trained causal autoencoder (averaged weights) of a work folder."""
    state = torch.load(work / "causal_vae.pt", map_location="cpu", weights_only=True)
    vae = open_sora_plan_model.build_vae()
    vae.load_state_dict({k.removeprefix("vae."): v for k, v in state["average"].items()})
    return vae.eval()


def causal_bank(work: Path, hardware: Hardware, clips: int) -> LatentBank:
    """The clips of a work folder, encoded with its causal autoencoder at the first call."""
    vae = load_causal_vae(work)

    def encode(video: torch.Tensor) -> torch.Tensor:
        moments: torch.Tensor = vae.quant_conv(vae.encoder(video))
        return moments.chunk(2, dim=1)[0]

    return bank_of(
        encode,
        work / "causal_bank.safetensors",
        clips,
        seed=0,
        autocast=hardware.autocast,
        frames=open_sora_plan_model.FRAMES,
    )


def train_open_sora_plan(
    work: Path,
    clips: int,
    causal: CausalVaeRecipe,
    recipe: TransformerRecipe,
    hardware: Hardware,
) -> None:
    """Causal autoencoder, bank and transformer of the embedded Open-Sora-Plan."""
    torch.manual_seed(causal.seed)
    vae = open_sora_plan_model.build_vae()
    begin_as_images(vae, load_vae(work))
    train_causal_vae(work, vae, causal, hardware.device, hardware.autocast, hardware.compiled)
    bank = causal_bank(work, hardware, clips)
    tokens, mask = tokenise(build_tokenizer(), bank.texts())
    torch.manual_seed(recipe.seed)
    model = open_sora_plan_model.build_training(
        attention_in_float32=hardware.autocast and hardware.device.type == "cpu"
    )
    data = TrainingSet(bank.latents, tokens, mask)
    _train(work, "open_sora_plan", model, data, recipe, hardware)


def _train(
    work: Path,
    stage: str,
    model: VelocityTraining | open_sora_model.OpenSoraTraining,
    data: TrainingSet,
    recipe: TransformerRecipe,
    hardware: Hardware,
) -> None:
    train_transformer(
        work,
        stage,
        model,
        model,
        data,
        recipe,
        hardware.device,
        hardware.autocast,
        hardware.compiled,
    )


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.minis.train", description=__doc__)
    parser.add_argument("model", choices=sorted(STEPS))
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and logs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast")
    parser.add_argument("--no-compile", action="store_true", help="do not use torch.compile")
    parser.add_argument("--vae-steps", type=int, default=VaeRecipe.steps)
    parser.add_argument("--decoder-steps", type=int, default=VaeRecipe.decoder_steps)
    parser.add_argument("--temporal-steps", type=int, default=TemporalVaeRecipe.steps)
    parser.add_argument("--causal-steps", type=int)
    parser.add_argument("--steps", type=int, help="of the transformer")
    parser.add_argument("--batch", type=int, help="clips a step of the transformer")
    parser.add_argument("--clips", type=int)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    hardware = Hardware(
        torch.device(arguments.device), not arguments.float32, not arguments.no_compile
    )
    work, name = arguments.work, arguments.model
    clips = arguments.clips or CLIPS[name]
    recipe = replace(RECIPES.get(name, TransformerRecipe()), steps=arguments.steps or STEPS[name])
    if arguments.batch:
        recipe = replace(recipe, batch=arguments.batch)
    if name == "wan":
        wan_vae = replace(WanVaeRecipe(), steps=arguments.causal_steps or WanVaeRecipe.steps)
        train_wan(work, clips, wan_vae, recipe, hardware)
        return
    vae_recipe = replace(
        VaeRecipe(), steps=arguments.vae_steps, decoder_steps=arguments.decoder_steps
    )
    train_vae(work, vae_recipe, hardware.device, hardware.autocast)
    if name == "latte":
        train_latte(work, clips, recipe, hardware)
    elif name == "open_sora_plan":
        causal = replace(CausalVaeRecipe(), steps=arguments.causal_steps or CausalVaeRecipe.steps)
        train_open_sora_plan(work, clips, causal, recipe, hardware)
    else:
        temporal = replace(TemporalVaeRecipe(), steps=arguments.temporal_steps)
        train_open_sora(work, clips, temporal, recipe, hardware)


if __name__ == "__main__":
    main()
