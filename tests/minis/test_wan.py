"""The embedded Wan: its training speaks the same language as diffusers' own pipeline."""

from pathlib import Path

import numpy as np

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import pytest
import torch
from diffusers import AutoencoderKLWan, WanPipeline
from safetensors.torch import load_file, save_file

from pab_bench.minis.crossing.captions import held_out_captions
from pab_bench.minis.crossing.checker import read_video
from pab_bench.minis.hardware import Hardware
from pab_bench.minis.latent_bank import tokenise
from pab_bench.minis.train_transformer import TransformerRecipe
from pab_bench.minis.train_wan import train_wan
from pab_bench.minis.train_wan_vae import WanVaeRecipe
from pab_bench.minis.wan_bank import make_wan_bank
from pab_bench.minis.wan_model import (
    SHIFT,
    WORDS,
    WanTraining,
    build_scheduler,
    build_tokenizer,
    reconstruct,
)
from pab_bench.minis.whole_sequence import WholeSequence
from pab_bench.minis.world import CROSSING

FOLDER = "pab_bench/minis/wan"
CPU = torch.device("cpu")


def small_vae():
    torch.manual_seed(0)
    return AutoencoderKLWan(
        base_dim=4,
        z_dim=3,
        dim_mult=[1, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        patch_size=2,
        in_channels=12,
        out_channels=12,
        latents_mean=[0.0] * 3,
        latents_std=[1.0] * 3,
    ).eval()


@pytest.fixture(scope="module")
def pipeline():
    return WanPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)


@pytest.mark.parametrize("frames", [1, 5, 17])
@torch.no_grad()
def test_a_pass_over_all_frames_equals_the_autoencoders_own_chunks(frames):
    vae = small_vae()
    video = torch.rand(2, 3, frames, 16, 24) * 2 - 1
    moments = vae._encode(video)
    latents = 3 * moments[:, :3]
    decoded = vae.decode(latents).sample
    with WholeSequence(vae) as whole:
        torch.testing.assert_close(whole.moments(video), moments, atol=1e-5, rtol=1e-5)
        ours = whole.decode(latents).clamp(-1, 1)
    torch.testing.assert_close(ours, decoded, atol=1e-5, rtol=1e-5)
    assert torch.equal(vae._encode(video), moments), "its own way is not there again"


def test_noise_is_added_as_the_sampler_takes_it_away():
    scheduler = build_scheduler()
    scheduler.set_timesteps(10)
    training = WanTraining.__new__(WanTraining)
    clean, noise = torch.randn(10, 2, 1, 2, 2), torch.randn(10, 2, 1, 2, 2)
    # The sampler's sigmas are shifted: sigma = s u / (1 + (s - 1) u).
    sigmas = scheduler.sigmas[:10]
    levels = sigmas / (SHIFT - (SHIFT - 1) * sigmas)
    noised = WanTraining.noised(training, clean, noise, levels)
    # It truncates its timesteps to integers.
    assert (noised.timesteps - scheduler.timesteps).abs().max() < 1
    expected = torch.cat(
        [
            scheduler.add_noise(clean[i : i + 1], noise[i : i + 1], scheduler.timesteps[i : i + 1])
            for i in range(10)
        ]
    )
    torch.testing.assert_close(noised.noisy, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(noised.target, noise - clean)


@torch.no_grad()
def test_training_gives_the_transformer_the_text_that_the_pipeline_gives(pipeline):
    captions = [caption.text for caption in held_out_captions(3)]
    training = WanTraining()
    training.text_encoder = pipeline.text_encoder
    seen = []
    training.transformer.forward = lambda noisy, timesteps, text, return_dict: (seen.append(text),)
    tokens, mask = tokenise(build_tokenizer(), captions)
    dropped = torch.tensor([False, False, True])
    training.forward(torch.zeros(3), torch.zeros(3), tokens, mask, dropped)
    given, empty = pipeline.encode_prompt(captions[:2], max_sequence_length=WORDS)
    torch.testing.assert_close(seen[0][:2], given, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(seen[0][2], empty[0], atol=1e-5, rtol=1e-5)
    assert given[0, 24:].eq(0).all()
    assert given[0, :24].any(dim=-1).all()


def test_the_bank_holds_standardised_latents_of_its_clips(tmp_path):
    vae, path = small_vae(), tmp_path / "bank.safetensors"
    bank = make_wan_bank(vae, path, 4, CPU, autocast=False, chunk=4)
    values = bank.latents.float()
    torch.testing.assert_close(values.mean((0, 2, 3, 4)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(values.std((0, 2, 3, 4)), torch.ones(3), atol=1e-3, rtol=0)
    assert len(bank.texts()) == 4
    assert torch.equal(make_wan_bank(vae, path, 4, CPU, False).latents, bank.latents)


def test_wan_trains_through_all_stages_and_goes_on(tmp_path):
    generator = torch.Generator().manual_seed(0)
    indices = torch.tensor([caption.indices() for caption in held_out_captions(4)])
    # A bank of seeded latents: encoding clips takes too long here.
    bank = {
        "latents": torch.randn(4, 24, 5, 8, 8, generator=generator).half(),
        "captions": indices,
        "mean": torch.zeros(24),
        "std": torch.ones(24),
    }
    save_file(bank, tmp_path / "wan_bank.safetensors")
    here = Hardware(CPU, autocast=False, compiled=False)
    vae = WanVaeRecipe(steps=1, clips=1)
    train_wan(tmp_path, 4, vae, TransformerRecipe(steps=1, batch=2), here)
    first = torch.load(tmp_path / "wan.pt", weights_only=True)
    train_wan(tmp_path, 4, vae, TransformerRecipe(steps=2, batch=2), here)
    second = torch.load(tmp_path / "wan.pt", weights_only=True)
    assert (first["step"], second["step"]) == (1, 2)
    changed = [k for k, v in first["average"].items() if not torch.equal(v, second["average"][k])]
    assert "transformer.proj_out.weight" in changed
    trained = torch.load(tmp_path / "wan_vae.pt", weights_only=True)
    assert trained["step"] == 1


def test_the_autoencoder_keeps_all_ten_attributes(pipeline):
    """The shipped one: of rendered clips that went through it, the checker reads all."""
    captions = held_out_captions(3)
    clips = CROSSING.render(captions, np.random.Generator(np.random.PCG64(0)), 17)
    for caption, video in zip(captions, clips.video, strict=True):
        assert all(read_video(reconstruct(pipeline, video)).agrees(caption).values())


def test_the_shipped_weights_are_half_precision_and_small():
    weights = load_file(f"{FOLDER}/transformer/diffusion_pytorch_model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float16}
    size = sum(path.stat().st_size for path in Path(FOLDER).rglob("*") if path.is_file())
    assert size < 20e6
