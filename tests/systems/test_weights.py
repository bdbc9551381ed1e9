"""Checkpoints in several files, as the released text encoders are."""

import shutil

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from systems.tiny_pipelines import tiny_cogvideox

from pab_bench.systems.cogvideox.sampler import CogVideoXSampler
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pipeline_sampler import FOLDER
from pab_bench.systems.weights import WeightsMissing, download_patterns, missing_files


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
