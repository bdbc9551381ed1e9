from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import LattePipeline

from pab_bench.errors import ConfigError
from pab_bench.minis.captions import split_captions
from pab_bench.systems.latte.sampler import EMBEDDED, LatteSampler
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import WeightsMissing, missing_files, weights_digest

MINI = ModelSettings(
    name="latte_mini",
    system="latte",
    path=None,
    repository=None,
    revision=None,
    depth=6,
    frames=16,
    height=64,
    width=64,
)
PROMPT = split_captions()[1][0].text
STEPS = 3


@pytest.fixture(scope="module")
def sampler():
    return LatteSampler(MINI, "cpu", "float32")


def sample(sampler, prompt, seed):
    latents = sampler.denoise(
        sampler.encode(prompt), sampler.noise(seed), STEPS, 4.0, lambda step: None
    )
    return sampler.decode(latents)


def test_the_stages_equal_the_pipelines_own_call(sampler):
    pipeline = LattePipeline.from_pretrained(EMBEDDED, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    whole = pipeline(
        PROMPT,
        num_inference_steps=STEPS,
        guidance_scale=4.0,
        height=64,
        width=64,
        clean_caption=False,
        generator=torch.Generator().manual_seed(3),
        output_type="np",
    ).frames[0]
    assert np.array_equal(sample(sampler, PROMPT, 3), (np.asarray(whole) * 255).round())


def test_same_seed_same_video_other_seed_other_video(sampler):
    first = sample(sampler, PROMPT, 0)
    assert first.shape == (16, 64, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, sample(sampler, PROMPT, 0))
    assert not np.array_equal(first, sample(sampler, PROMPT, 1))
    assert not np.array_equal(first, sample(sampler, split_captions()[1][5].text, 0))


def test_what_the_engine_needs(sampler):
    assert sampler.architecture.depth == MINI.depth
    assert {group.name for group in sampler.architecture.groups} == {
        "spatial",
        "temporal",
        "cross",
        "mlp_spatial",
        "mlp_temporal",
    }
    assert sampler.timesteps(50) == tuple(range(980, -1, -20))


def test_every_step_is_reported(sampler):
    steps = []
    sampler.denoise(sampler.encode(PROMPT), sampler.noise(0), STEPS, 4.0, steps.append)
    assert steps == list(range(STEPS))


def test_an_incomplete_folder_is_refused_with_the_list(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(WeightsMissing, match=r"transformer/config\.json") as caught:
        LatteSampler(replace(MINI, path=str(tmp_path)), "cpu", "float32")
    assert "model_index.json" not in str(caught.value).split("missing:")[1]


def test_released_weights_offline_say_what_is_missing_and_where_to_put_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    released = replace(
        MINI, name="latte", repository="maxin-cn/Latte-1", revision="0" * 40, depth=28
    )
    with pytest.raises(WeightsMissing) as caught:
        LatteSampler(released, "cpu", "float32")
    message = str(caught.value)
    for part in ("maxin-cn/Latte-1", "0" * 40, "transformer/*.safetensors", "model.path=DIR"):
        assert part in message


def test_offloading_needs_a_gpu():
    with pytest.raises(ConfigError, match=r"model\.offload=model"):
        LatteSampler(replace(MINI, offload="model"), "cpu", "float32")


def test_the_control_has_other_weights_and_a_seed(sampler):
    controls = [LatteSampler(replace(MINI, random_weights=True), "cpu", "float32") for _ in "ab"]
    videos = [sample(control, PROMPT, 0) for control in controls]
    assert np.array_equal(*videos)
    assert not np.array_equal(videos[0], sample(sampler, PROMPT, 0))


def test_the_digest_is_of_names_and_contents(tmp_path):
    required = {"a": ["a.json"], "weights": ["w/*.safetensors"]}
    (tmp_path / "w").mkdir()
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "w" / "1.safetensors").write_bytes(b"12")
    (tmp_path / "notes.json").write_text("{}")
    assert missing_files(tmp_path, required) == []
    digest = weights_digest(tmp_path, required)
    cache = {}
    assert weights_digest(tmp_path, required, cache) == digest
    assert list(cache.values()) == [digest]
    assert weights_digest(tmp_path, required, dict.fromkeys(cache, "remembered")) == "remembered"
    (tmp_path / "notes.json").write_text("[]")
    assert weights_digest(tmp_path, required) == digest
    (tmp_path / "w" / "1.safetensors").write_bytes(b"123")
    assert weights_digest(tmp_path, required, cache) != digest
