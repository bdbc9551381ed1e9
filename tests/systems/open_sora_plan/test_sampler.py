import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from systems.open_sora_plan.small import LATENT_FRAMES, PROMPT, SIDE, small_pipeline

from pab_bench.engine.engine import Engine
from pab_bench.errors import ConfigError
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.checkpoints.part import CheckpointRefused
from pab_bench.systems.model import ModelSettings, PartSettings
from pab_bench.systems.open_sora_plan import sampler as open_sora_plan
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.sampler import OpenSoraPlanSampler
from pab_bench.systems.weights import WeightsMissing

FRAMES, PIXELS, STEPS = (LATENT_FRAMES - 1) * 4 + 1, SIDE * 8, 4
MINI = ModelSettings(
    name="open_sora_plan_mini",
    system="open_sora_plan",
    path=None,
    repository=None,
    revision=None,
    depth=2,
    frames=FRAMES,
    height=PIXELS,
    width=PIXELS,
    clean_caption=True,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A whole pipeline, as minis are shipped."""
    folder = tmp_path_factory.mktemp("pipeline")
    small_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sampler(saved):
    return OpenSoraPlanSampler(replace(MINI, path=str(saved)), "cpu", "float32")


@pytest.fixture
def released(saved, tmp_path):
    """The same weights laid out as the two released repositories are."""
    own, text = tmp_path / "own", tmp_path / "text"
    shutil.copytree(saved / "transformer", own / f"{FRAMES}x{PIXELS}x{PIXELS}")
    shutil.copytree(saved / "vae", own / "vae")
    shutil.copytree(saved / "text_encoder", text)
    shutil.copytree(saved / "tokenizer", text, dirs_exist_ok=True)
    return replace(MINI, path=str(own), text_encoder=PartSettings(path=str(text)))


def sample(sampler, prompt=PROMPT, seed=0):
    latents = sampler.denoise(
        sampler.encode(prompt), sampler.noise(seed), STEPS, 7.5, lambda step: None
    )
    return sampler.decode(latents)


def test_the_stages_equal_the_pipelines_own_call(sampler, saved):
    pipeline = OpenSoraPlanPipeline.from_pretrained(saved, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    whole = pipeline(
        PROMPT,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(3),
        output_type="uint8",
    ).frames[0]
    assert np.array_equal(sample(sampler, seed=3), whole)
    assert whole.shape == (FRAMES, PIXELS, PIXELS, 3)
    assert whole.dtype == np.uint8


def test_same_seed_same_video_other_seed_other_video(sampler):
    first = sample(sampler)
    assert np.array_equal(first, sample(sampler))
    assert not np.array_equal(first, sample(sampler, seed=1))
    assert not np.array_equal(first, sample(sampler, "a small blue square moves left"))


def test_every_call_is_reported_and_follows_the_plan(sampler):
    architecture, calls = sampler.architecture, []
    rules = Rules(spatial=GapRule(True, (100, 850), 2))
    times = sampler.timesteps(STEPS)
    assert times == (750, 625, 625, 500, 500, 375, 375, 250, 250, 125, 125, 0, 0)
    plan = make_plan(rules, times, architecture.depth, architecture.groups, STEPS)
    with Engine(architecture, plan) as broadcast:
        sampler.denoise(sampler.encode(PROMPT), sampler.noise(0), STEPS, 7.5, calls.append)
    broadcast.ledger.check(plan)
    assert calls == list(range(STEPS + 9))
    assert architecture.depth == MINI.depth
    assert sampler.parameters == sum(p.numel() for p in sampler.pipeline.transformer.parameters())


def test_the_released_layout_makes_the_same_video(released, sampler):
    other = OpenSoraPlanSampler(released, "cpu", "float32")
    assert np.array_equal(sample(other), sample(sampler))
    assert other.weights.digest() != sampler.weights.digest()
    assert set(other.weights.folders) == {"released", "text_encoder"}


def test_without_a_path_the_embedded_folder_is_taken(monkeypatch, saved, sampler):
    monkeypatch.setattr(open_sora_plan, "EMBEDDED", saved)
    assert np.array_equal(sample(OpenSoraPlanSampler(MINI, "cpu", "float32")), sample(sampler))


def test_the_control_has_other_weights_and_a_seed(saved, sampler):
    random = replace(MINI, path=str(saved), random_weights=True)
    videos = [sample(OpenSoraPlanSampler(random, "cpu", "float32")) for _ in "ab"]
    assert np.array_equal(*videos)
    assert not np.array_equal(videos[0], sample(sampler))


def test_an_incomplete_folder_is_refused_with_the_list(released, tmp_path):
    (tmp_path / "text" / "config.json").unlink()
    for file in (tmp_path / "own" / "vae").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(WeightsMissing) as caught:
        OpenSoraPlanSampler(released, "cpu", "float32")
    first, second = str(caught.value).splitlines()
    assert first.endswith("missing: vae/*.safetensors or *.bin")
    assert "model.text_encoder.path=" in second
    assert second.endswith("missing: config.json")


def test_released_weights_offline_say_what_is_missing_and_where_to_put_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    text = PartSettings(None, "DeepFloyd/t5-v1_1-xxl", "1" * 40)
    model = replace(
        MINI, repository="LanguageBind/Open-Sora-Plan-v1.1.0", revision="0" * 40, text_encoder=text
    )
    with pytest.raises(WeightsMissing) as caught:
        OpenSoraPlanSampler(model, "cpu", "float32")
    message = str(caught.value)
    for part in (
        "LanguageBind/Open-Sora-Plan-v1.1.0",
        "0" * 40,
        f"{FRAMES}x{PIXELS}x{PIXELS}/config.json",
        "vae/*.safetensors",
        str(tmp_path),
        "model.path=DIR",
        "DeepFloyd/t5-v1_1-xxl",
        "1" * 40,
        "model.text_encoder.path=DIR",
    ):
        assert part in message


@pytest.mark.parametrize("wrong", ["missing", "unexpected", "mismatched"])
def test_weights_of_another_architecture_are_refused(released, tmp_path, wrong):
    file = next((tmp_path / "own" / f"{FRAMES}x{PIXELS}x{PIXELS}").glob("*.safetensors"))
    tensors = load_file(file)
    if wrong == "missing":
        del tensors["proj_out.bias"]
    elif wrong == "unexpected":
        tensors["extra"] = torch.zeros(1)
    else:
        tensors["proj_out.bias"] = torch.zeros(3)
    save_file(tensors, file)
    with pytest.raises(CheckpointRefused, match=r"tensor (proj_out\.bias|extra)"):
        OpenSoraPlanSampler(released, "cpu", "float32")


def test_another_configuration_is_refused(released, tmp_path):
    file = tmp_path / "own" / f"{FRAMES}x{PIXELS}x{PIXELS}" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_rope": True}))
    with pytest.raises(
        CheckpointRefused,
        match=r"transformer, config\.json: describes no LatteT2V: .* use_rope: must",
    ):
        OpenSoraPlanSampler(released, "cpu", "float32")


def test_offloading_needs_a_gpu():
    with pytest.raises(ConfigError, match=r"model\.offload=model"):
        OpenSoraPlanSampler(replace(MINI, offload="model"), "cpu", "float32")
