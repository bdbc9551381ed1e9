"""The training program for real, in miniature."""

from itertools import pairwise

import pytest
import torch

from pab_bench.minis import open_sora_model
from pab_bench.minis.latent_bank import fold_standardisation, make_bank, tokenise
from pab_bench.minis.tokenizer import MAX_LENGTH, build_tokenizer
from pab_bench.minis.train import Hardware, train_latte, train_open_sora
from pab_bench.minis.train_temporal_vae import TemporalVaeRecipe, train_temporal_vae
from pab_bench.minis.train_transformer import TransformerRecipe
from pab_bench.minis.train_vae import VaeRecipe, build_vae, train_vae
from pab_bench.minis.training_state import learning_rate
from pab_bench.systems.open_sora.temporal_vae import TemporalVAE

CPU = torch.device("cpu")
HERE = Hardware(CPU, autocast=False, compiled=False)


def weights(path):
    return torch.load(path, weights_only=True)["average"]


def test_the_tokenizer_knows_every_word_and_marks_others():
    tokenizer = build_tokenizer()
    text = "a large red circle moves right slowly over a black background"
    tokens = tokenizer(text).input_ids
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer.decode(tokens, skip_special_tokens=True) == text
    assert tokenizer.unk_token_id in tokenizer("a large elephant").input_ids
    assert tokenizer.model_max_length == MAX_LENGTH


def test_learning_rate_warms_up_holds_and_falls():
    rates = [learning_rate(step, 100, 1.0, 10, 0.5) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:51] == [1.0] * 41
    assert rates[100] == pytest.approx(0)
    assert all(a >= b for a, b in pairwise(rates[50:]))


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("bank") / "bank.safetensors"
    return make_bank(build_vae(), path, clips=32, seed=0, device=CPU, autocast=False)


def test_latents_are_standardised(bank):
    latents = bank.latents.float()
    assert latents.shape == (32, 8, 16, 8, 8)
    assert latents.mean((0, 2, 3, 4)).abs().max() < 1e-2
    assert (latents.std((0, 2, 3, 4)) - 1).abs().max() < 1e-2
    assert len(bank.texts()) == 32


def test_folding_standardises_inside_the_autoencoder(bank):
    torch.manual_seed(0)
    plain, folded = build_vae().eval(), build_vae().eval()
    folded.load_state_dict(plain.state_dict())
    fold_standardisation(folded, bank.mean, bank.std)
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    shape = (1, -1, 1, 1)
    with torch.no_grad():
        raw, standard = plain.encode(image).latent_dist, folded.encode(image).latent_dist
        expected = (raw.mean - bank.mean.view(shape)) / bank.std.view(shape)
        torch.testing.assert_close(standard.mean, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            standard.std, raw.std / bank.std.view(shape), atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(
            folded.decode(standard.mean).sample,
            plain.decode(raw.mean).sample,
            atol=1e-4,
            rtol=1e-4,
        )


def prepared(folder, frames):
    """A work folder with an untrained autoencoder and its bank."""
    folder.mkdir()
    torch.manual_seed(0)
    vae = build_vae()
    torch.save({"average": vae.state_dict(), "step": 0, "seconds": 0.0}, folder / "vae.pt")
    make_bank(vae, folder / "bank.safetensors", 32, 0, CPU, False, frames)
    return folder


def test_a_resumed_training_equals_an_undisturbed_one(tmp_path):
    recipe = {"batch": 2, "hold": 0.5}
    whole, parts = prepared(tmp_path / "whole", 16), prepared(tmp_path / "parts", 16)
    train_latte(whole, 32, TransformerRecipe(steps=4, **recipe), HERE)
    # Two steps of a longer run: the schedule holds its rate, so the shorter total is no matter.
    train_latte(parts, 32, TransformerRecipe(steps=2, **recipe), HERE)
    before = weights(parts / "latte.pt")
    train_latte(parts, 32, TransformerRecipe(steps=4, **recipe), HERE)
    ours, expected = weights(parts / "latte.pt"), weights(whole / "latte.pt")
    assert all(torch.equal(ours[name], expected[name]) for name in expected)
    assert any(not torch.equal(before[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_open_sora_trains_through_all_stages(tmp_path):
    work = prepared(tmp_path / "work", open_sora_model.FRAMES)
    temporal = TemporalVaeRecipe(steps=2, batch=2)
    train_open_sora(work, 32, temporal, TransformerRecipe(steps=2, batch=2), HERE)
    first = weights(work / "open_sora.pt")
    train_open_sora(work, 32, temporal, TransformerRecipe(steps=3, batch=2), HERE)
    second = weights(work / "open_sora.pt")
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    # Rotary frequencies and the null caption are fixed, as upstream.
    fixed = {"transformer.rope.freqs", "transformer.y_embedder.y_embedding"}
    assert changed
    assert changed.isdisjoint(fixed)


def test_the_rectified_flow_objective_is_the_samplers():
    """Walking along the target's velocity leads from the noisy latents to the clean ones."""
    training = open_sora_model.OpenSoraTraining()
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(4, 16, 5, 8, 8, generator=generator) for _ in range(2))
    noised = training.noised(clean, noise, torch.tensor([0.0, 0.3, 0.6, 0.999]))
    remaining = (noised.timesteps / 1000).view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(noised.noisy + remaining * noised.target, clean)
    assert noised.timesteps[0] == 0
    assert 0.9 < noised.timesteps[2] / 1000 * (1 + 3.84 * 0.6) / (4.84 * 0.6) < 1.1


def test_the_temporal_autoencoder_learns(tmp_path):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 8, 17, 8, 8, generator=generator).half()
    torch.manual_seed(0)
    vae = TemporalVAE(**open_sora_model.TEMPORAL_VAE)
    recipe = TemporalVaeRecipe(steps=12, batch=1)
    train_temporal_vae(tmp_path, vae, latents, recipe, CPU, autocast=False)
    before = TemporalVAE(**open_sora_model.TEMPORAL_VAE)

    def error(model):
        with torch.no_grad():
            mean, _ = model.encode(latents.float()).chunk(2, dim=1)
            return float((model.decode(mean, 17) - latents.float()).square().mean())

    assert error(vae) < error(before)


def test_unknown_words_stop_the_training():
    with pytest.raises(ValueError, match="elephant"):
        tokenise(build_tokenizer(), ["a red circle", "a red elephant"])


def test_refining_the_decoder_leaves_the_latents_alone(tmp_path):
    recipe = {"clips": 1, "frames_per_clip": 1}
    train_vae(tmp_path, VaeRecipe(steps=2, **recipe), CPU, autocast=False)
    before = torch.load(tmp_path / "vae.pt", weights_only=True)["model"]
    train_vae(tmp_path, VaeRecipe(steps=2, decoder_steps=2, **recipe), CPU, autocast=False)
    after = torch.load(tmp_path / "vae.pt", weights_only=True)["model"]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(("decoder", "post_quant_conv")) for name in changed)
