"""Checkpoints in several files, as the released text encoders are."""

import shutil
import time

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import filter_repo_objects
from systems.tiny_pipelines import tiny_cogvideox

from pab_bench.imports.offline import SETTINGS
from pab_bench.systems.cogvideox.sampler import CogVideoXSampler
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pipeline_sampler import FOLDER
from pab_bench.systems.weights import WeightsMissing, download_patterns, find_weights, missing_files


@pytest.fixture
def downloaded(tmp_path):
    """What is taken from a repository whose weights are divided."""
    pipeline, repository, folder = tiny_cogvideox(), tmp_path / "repository", tmp_path / "folder"
    pipeline.save_pretrained(repository, max_shard_size="60KB")
    (repository / "demo.mp4").touch()
    files = [f.relative_to(repository).as_posix() for f in repository.rglob("*") if f.is_file()]
    for name in filter_repo_objects(files, allow_patterns=download_patterns(FOLDER)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, folder / name)
    return pipeline, folder


def model(folder):
    return ModelSettings("tiny", "", str(folder), None, None, 2, 9, 32, 32)


def test_what_is_downloaded_can_be_loaded(downloaded):
    pipeline, folder = downloaded
    assert len(list(folder.glob("text_encoder/*.safetensors"))) > 1
    assert not (folder / "demo.mp4").exists()
    loaded = CogVideoXSampler(model(folder), "cpu", "float32").pipeline
    for part in ("transformer", "text_encoder", "vae"):
        own = getattr(loaded, part).state_dict()
        for name, value in getattr(pipeline, part).state_dict().items():
            assert torch.equal(own[name], value), name


def test_a_missing_part_is_named(downloaded):
    _, folder = downloaded
    assert missing_files(folder, FOLDER) == []
    part = sorted(folder.glob("text_encoder/*.safetensors"))[1]
    part.unlink()
    name = part.relative_to(folder).as_posix()
    assert missing_files(folder, FOLDER) == [name]
    with pytest.raises(WeightsMissing, match=name):
        CogVideoXSampler(model(folder), "cpu", "float32")


def test_one_complete_alternative_is_enough(downloaded):
    _, folder = downloaded
    encoder = folder / "text_encoder"
    (encoder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "no.bin"}}')
    (encoder / "pytorch_model-00001-of-00002.bin").touch()
    either = {"weights": ["text_encoder/*.safetensors", "text_encoder/pytorch_model*.bin"]}
    assert missing_files(folder, either) == []
    assert missing_files(folder, {"weights": either["weights"][1:]}) == ["text_encoder/no.bin"]


def test_a_hub_that_cannot_be_reached_is_given_up_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    began = time.perf_counter()
    with pytest.raises(WeightsMissing, match=r"http://127\.0\.0\.1:9 cannot be reached: .*refused"):
        find_weights("latte", None, "a/b", "0" * 40, {"config": ["config.json"]})
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("name", SETTINGS)
def test_the_environment_forbids_downloads(monkeypatch, tmp_path, name):
    for other in SETTINGS:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv(name, "1")
    with pytest.raises(WeightsMissing, match=rf"\({name}=1 forbids it\)\.\nMissing: config"):
        find_weights("latte", None, "a/b", "0" * 40, {"config": ["config.json"]})
