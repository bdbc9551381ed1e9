"""The causal autoencoder of the embedded Open-Sora-Plan: how it begins, and that it learns."""

import pytest
import torch

from pab_bench.minis import open_sora_plan_model
from pab_bench.minis.latent_bank import bank_of, fold_standardisation
from pab_bench.minis.train import Hardware, train_open_sora_plan
from pab_bench.minis.train_causal_vae import CausalVaeRecipe, begin_as_images
from pab_bench.minis.train_transformer import TransformerRecipe
from pab_bench.minis.train_vae import build_vae


@pytest.fixture
def pair():
    torch.manual_seed(0)
    image, video = build_vae().eval(), open_sora_plan_model.build_vae().eval()
    begin_as_images(video, image)
    return image, video


@torch.no_grad()
def test_a_single_frame_is_coded_as_the_image_autoencoder_does(pair):
    image, video = pair
    for name, parameter in video.named_parameters():
        if name.endswith("mix_factor"):
            parameter.fill_(1e3)  # Only averages over time, which a still frame does not change.
    video.decoder.conv_in.conv.weight[:, 8:] = 0  # The additional latent channels.
    pixels = torch.rand(1, 3, 1, 64, 64) * 2 - 1
    ours = video.encode(pixels).latent_dist.mode()
    theirs = image.encode(pixels[:, :, 0]).latent_dist.mode()
    torch.testing.assert_close(ours[:, :8, 0], theirs, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        video.decode(ours).sample[:, :, 0], image.decode(theirs).sample, atol=1e-4, rtol=1e-3
    )


@torch.no_grad()
def test_standardising_is_folded_into_the_video_autoencoder(pair):
    _, video = pair
    pixels = torch.rand(1, 3, 5, 64, 64) * 2 - 1
    raw = video.encode(pixels).latent_dist.mode()
    decoded = video.decode(raw).sample
    mean, std = torch.randn(16), torch.rand(16) + 0.5
    fold_standardisation(video, mean, std)
    standard = video.encode(pixels).latent_dist.mode()
    shape = (1, -1, 1, 1, 1)
    expected = (raw - mean.view(shape)) / std.view(shape)
    torch.testing.assert_close(standard, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(video.decode(standard).sample, decoded, atol=1e-4, rtol=1e-4)


def test_open_sora_plan_trains_through_all_stages(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    torch.manual_seed(0)
    state = {"average": build_vae().state_dict(), "step": 0, "seconds": 0.0}
    torch.save(state, work / "vae.pt")
    # A bank of seeded latents in place of 32 encoded clips, which take a core half a minute.
    generator = torch.Generator().manual_seed(0)
    bank_of(
        lambda video: torch.randn(len(video), 16, 5, 8, 8, generator=generator),
        work / "causal_bank.safetensors",
        clips=32,
        seed=0,
        autocast=False,
        frames=1,
    )
    here = Hardware(torch.device("cpu"), autocast=False, compiled=False)
    causal = CausalVaeRecipe(steps=1, clips=1, frames=5)
    train_open_sora_plan(work, 32, causal, TransformerRecipe(steps=2, batch=2), here)
    first = torch.load(work / "open_sora_plan.pt", weights_only=True)["average"]
    train_open_sora_plan(work, 32, causal, TransformerRecipe(steps=3, batch=2), here)
    second = torch.load(work / "open_sora_plan.pt", weights_only=True)["average"]
    assert any(not torch.equal(first[name], second[name]) for name in first)
    begun = open_sora_plan_model.build_vae()
    trained = torch.load(work / "causal_vae.pt", weights_only=True)["model"]
    assert set(trained) == {f"vae.{name}" for name in begun.state_dict()}
