"""`task=sample`: the videos of a prompt list, and nothing else."""

import json
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from experiment.conftest import TINY
from safetensors.numpy import load_file

from pab_bench.cli import main
from pab_bench.experiment.failures import BlackVideo
from pab_bench.tasks import sample as video_files

SIZE = [line for line in TINY if not line.startswith("prompts")]


@pytest.fixture
def sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompts.txt").write_text("a large red circle\n\n  a small blue square \n")

    def command(*arguments):
        return main(["task=sample", "prompts.file=prompts.txt", *SIZE, *arguments])

    return command


def files(folder="videos"):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_video_for_every_prompt_and_seed(sample, capsys):
    assert sample("sample.folder=videos", "seeds=[0,3]", "spatial_gap=2") == 0
    stems = ["000-0", "000-3", "001-0", "001-3"]
    assert files() == sorted(f"{stem}.{kind}" for stem in stems for kind in ("json", "mp4"))
    assert "4 videos in " in capsys.readouterr().out
    about = json.loads(Path("videos/001-3.json").read_text())
    assert (about["prompt"], about["seed"]) == ("a small blue square", 3)
    assert about["rules"]["spatial"]["gap"] == 2
    assert imageio.imread("videos/001-3.mp4").shape == (16, 32, 32, 3)
    assert not Path("results/points").exists()


def test_what_is_there_stays_and_other_settings_replace_it(sample):
    assert sample("sample.folder=videos", "sample.lossless=true") == 0
    path = Path("videos/000-0.safetensors")
    before, frames = path.stat().st_mtime_ns, load_file(path)["frames"]
    assert sample("sample.folder=videos", "sample.lossless=true") == 0
    assert path.stat().st_mtime_ns == before
    reuse = ["spatial_gap=3", "temporal_gap=2"]
    assert sample("sample.folder=videos", "sample.lossless=true", *reuse) == 0
    assert not np.array_equal(load_file(path)["frames"], frames)


def test_points_of_a_sweep_have_folders_of_their_own(sample):
    assert sample("-m", "sample.folder=videos", "spatial_gap=1,2") == 0
    assert files() == ["0", "1"]
    assert files("videos/1") == ["000-0.json", "000-0.mp4", "001-0.json", "001-0.mp4"]


def test_a_video_that_fails_does_not_cost_the_others(sample, monkeypatch, capsys):
    original = video_files.sample_video

    def fails_once(denoiser, place, *rest, **options):
        if place.index == 0:
            raise BlackVideo("it is black")
        return original(denoiser, place, *rest, **options)

    monkeypatch.setattr(video_files, "sample_video", fails_once)
    assert sample("sample.folder=videos") == 1
    assert files() == ["001-0.json", "001-0.mp4"]
    shown = capsys.readouterr().out
    assert "1 video in " in shown
    assert "prompt 0, seed 0 failed: BlackVideo: it is black" in shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"\n \n", "has no line with a prompt"),
        (b"\xff\xff", "is no text in UTF-8"),
        (b"a\nb\na\n", "prompts.file=prompts.txt: line 3 repeats line 1: a"),
    ],
)
def test_a_bad_file_is_explained(sample, capsys, content, message):
    Path("prompts.txt").unlink()
    if content is not None:
        Path("prompts.txt").write_bytes(content)
    assert sample() == 2
    assert message in capsys.readouterr().err


def test_texts_and_a_file_contradict_each_other(sample, capsys):
    assert sample("prompts.texts=[a]") == 2
    assert "prompts.file=prompts.txt: contradicts prompts.texts" in capsys.readouterr().err
