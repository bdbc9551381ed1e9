"""Videos handed to the official VBench, and its results read back."""

import json
from pathlib import Path

import imageio
import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import save_file

from pab_bench.export.command import main
from pab_bench.files import write_digests
from pab_bench.metrics.vbench.official import read_results, video_name
from pab_bench.metrics.vbench.scores import DIMENSIONS, scores

PROMPTS = ("a cat, frozen in time", "3.5 apples")
SEEDS = (7, 0)
CONF = Path(__file__).parents[2] / "conf" / "prompts"


def video(number):
    return np.full((4, 16, 32, 3), 20 * number % 256, dtype=np.uint8)


def write_point(store, identifier, baseline, prompts=PROMPTS):
    folder = store / identifier
    (folder / "videos").mkdir(parents=True)
    record = {"schema": 1, "id": identifier, "status": "ok", "prompts": list(prompts)}
    record |= {"seeds": list(SEEDS), "is_baseline": baseline is None, "baseline_id": baseline}
    (folder / "record.json").write_text(json.dumps(record), "utf-8")
    for prompt in range(len(prompts)):
        for number, seed in enumerate(SEEDS):
            frames = video(2 * prompt + number + 1)
            save_file({"frames": frames}, folder / "videos" / f"{prompt:03d}-{seed}.safetensors")
    write_digests(folder)


@pytest.fixture
def run(tmp_path):
    """A sweep of one finished job with its baseline, and one that failed."""
    write_point(tmp_path / "points", "b" * 20, None)
    write_point(tmp_path / "points", "v" * 20, "b" * 20)
    sweep = tmp_path / "sweep" / "now"
    for number, pointer in enumerate(
        (
            {"id": "v" * 20, "status": "ok", "store": "../../points"},
            {"id": None, "status": "failed", "error": {"type": "X", "message": "y"}},
        )
    ):
        (sweep / str(number)).mkdir(parents=True)
        (sweep / str(number) / "point.json").write_text(json.dumps(pointer), "utf-8")
    return sweep


@pytest.fixture
def exported(run, tmp_path):
    assert main(["vbench", str(run), str(tmp_path / "to")]) == 0
    return tmp_path / "to"


def results(folder, exported, name="results.json", **dimensions):
    """A file as VBench writes it: per dimension its score and the values of single videos."""
    paths = sorted((exported / folder).iterdir())
    content = {
        dimension: [
            score,
            [
                {"video_path": f"/elsewhere/{folder}/{path.name}", "video_results": value}
                for path, value in zip(paths, values, strict=True)
            ],
        ]
        for dimension, (score, values) in dimensions.items()
    }
    path = exported.parent / name
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def test_files_have_the_names_and_frames_that_vbench_expects(exported):
    baseline = f"baseline-{'b' * 20}"
    names = {f"{prompt}-{index}.mp4" for prompt in PROMPTS for index in (0, 1)}
    for folder in ("0", baseline):
        assert {path.name for path in (exported / folder).iterdir()} == names
    manifest = json.loads((exported / "export.json").read_text("utf-8"))
    assert set(manifest["folders"]) == {"0", baseline}
    place = manifest["folders"]["0"]["videos"]["3.5 apples-0.mp4"]
    # Videos are counted in the order of their seeds.
    assert place == {"prompt": 1, "seed": 0, "text": "3.5 apples"}
    with imageio.get_reader(exported / "0" / "3.5 apples-0.mp4", "ffmpeg") as reader:
        assert reader.get_meta_data()["fps"] == manifest["frames_per_second"] == 8
        frames = np.stack([np.asarray(frame) for frame in reader])
    # The sides stay as they are; seed 0 is the second that was sampled.
    assert frames.shape == (4, 16, 32, 3)
    assert np.abs(frames.astype(int) - video(4)).max() <= 3


def test_results_are_read_back(exported):
    first = results(
        "0",
        exported,
        temporal_flickering=(0.97, [0.96, 0.98, 0.96, 0.98]),
        imaging_quality=(0.5, [40.0, 60.0, 45.0, 55.0]),
        dynamic_degree=(0.25, [True, False, False, False]),
    )
    second = results(
        f"baseline-{'b' * 20}",
        exported,
        "second.json",
        **{name: (1.0, [1, 1, 1, 1]) for name in DIMENSIONS},
    )
    assert main(["vbench-results", str(exported), first, second]) == 0
    summary = pd.read_csv(exported / "vbench.csv").set_index(["folder", "metric"])
    flickering = summary.loc["0", "temporal_flickering"]
    assert flickering["score"] == 0.97
    assert flickering["mean"] == pytest.approx(0.97)
    assert flickering["normalised"] == pytest.approx((0.97 - 0.6293) / (1 - 0.6293))
    assert flickering["videos"] == 4
    assert flickering["low"] <= 0.97 <= flickering["high"]
    assert "only 2 prompts" in flickering["note"]
    # VBench keeps 0..100 for the single videos of this dimension.
    assert summary.loc["0", "imaging_quality"]["mean"] == pytest.approx(0.5)
    videos = pd.read_csv(exported / "vbench_videos.csv")
    moving = videos[(videos["metric"] == "dynamic_degree") & (videos["folder"] == "0")]
    assert dict(
        zip(zip(moving["prompt"], moving["seed"], strict=True), moving["value"], strict=True)
    ) == {
        (1, 0): 1.0,
        (1, 7): 0.0,
        (0, 0): 0.0,
        (0, 7): 0.0,
    }
    text = (exported / "tables" / "vbench.md").read_text("utf-8")
    total = scores(dict.fromkeys(DIMENSIONS, 1.0))
    assert (
        f"quality {total.quality:.4f}, semantic {total.semantic:.4f}, total {total.total:.4f}"
        in text
    )
    assert "0: no total score: vbench: dimensions without a score: subject_consistency" in text
    assert r"\begin{tabular}" in (exported / "tables" / "vbench.tex").read_text("utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("no file", "expected VBench's *_eval_results.json: FileNotFoundError"),
        ("no JSON", "expected VBench's *_eval_results.json: JSONDecodeError"),
        ("a list", "expected VBench's *_eval_results.json: AttributeError"),
        ("another shape", "expected VBench's *_eval_results.json: TypeError"),
        ("unknown dimension", "no dimensions of VBench: beauty"),
        ("other folder", "expected videos of one folder of"),
        ("other video", "is not a video of the export"),
        ("twice", "temporal_flickering of folder 0 is there twice"),
    ],
)
def test_results_that_do_not_fit(damage, message, exported, capsys):
    good = results("0", exported, temporal_flickering=(1.0, [1, 1, 1, 1]))
    path = exported.parent / "bad.json"
    entry = {"video_path": "x/0/3.5 apples-0.mp4", "video_results": 1}
    content = {
        "a list": "[]",
        "no JSON": "}",
        "another shape": '{"temporal_flickering": 3}',
        "unknown dimension": json.dumps({"beauty": [1, [entry]]}),
        "other folder": json.dumps({"color": [1, [{**entry, "video_path": "x/9/a-0.mp4"}]]}),
        "other video": json.dumps({"color": [1, [{**entry, "video_path": "x/0/a-0.mp4"}]]}),
    }
    files = [good, good] if damage == "twice" else [good, str(path)]
    if damage in content:
        path.write_text(content[damage], "utf-8")
    assert main(["vbench-results", str(exported), *files]) == 2
    assert message in capsys.readouterr().err
    assert not (exported / "vbench.csv").exists()


def test_nothing_to_export_or_to_read_for(tmp_path, capsys):
    assert main(["vbench", str(tmp_path / "absent"), str(tmp_path / "to")]) == 2
    assert "absent: no such folder" in capsys.readouterr().err
    assert main(["vbench-results", str(tmp_path), "x.json"]) == 2
    assert "no export: export.json cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


NFC, NFD = "caf\u00e9", "cafe\u0301"
ANY_PROMPTS = (
    "a/b",
    "x" * 300,
    "\u732b" * 90,
    NFC,
    NFD,
    "a cat",
    "000",
    "two\nlines",
    "..",
    "C:\\cats?",
)


@pytest.fixture
def any_prompts(tmp_path):
    write_point(tmp_path / "points", "p" * 20, None, ANY_PROMPTS)
    pointer = {"id": "p" * 20, "status": "ok", "store": "points"}
    (tmp_path / "point.json").write_text(json.dumps(pointer), "utf-8")
    return tmp_path


def test_any_prompt_is_exported_with_the_file_that_names_it(any_prompts, capsys):
    to = any_prompts / "to"
    assert main(["vbench", str(any_prompts), str(to)]) == 0
    assert "their prompts in" in capsys.readouterr().out
    for folder in ("0", f"baseline-{'p' * 20}"):
        prompts = json.loads((to / f"prompts-{folder}.json").read_text("utf-8"))
        assert set(prompts) == {path.name for path in (to / folder).iterdir()}
        assert sorted(prompts.values()) == sorted(text for text in ANY_PROMPTS for _ in SEEDS)
        assert all(len(name.encode()) <= 255 and "/" not in name for name in prompts)
        # What VBench's own suite is looked up by stays; what cannot be, or is taken, is short.
        assert prompts["a cat-0.mp4"] == "a cat"
        assert prompts[f"{NFC}-1.mp4"] == NFC
        assert prompts["..-0.mp4"] == ".."
        for number in (0, 1, 2, 4, 6, 7):
            for seed in SEEDS:
                assert prompts[f"{number:03d}-{seed}.mp4"] == ANY_PROMPTS[number]


@pytest.mark.slow
def test_results_of_short_names_and_of_other_forms_of_letters_are_read_back(any_prompts):
    to = any_prompts / "to"
    assert main(["vbench", str(any_prompts), str(to)]) == 0
    names = ["000-7.mp4", "004-0.mp4", "cafe\u0301-0.mp4"]
    entries = [{"video_path": f"/x/0/{name}", "video_results": 1.0} for name in names]
    path = any_prompts / "found.json"
    path.write_text(json.dumps({"color": [1.0, entries]}), "utf-8")
    assert main(["vbench-results", str(to), str(path)]) == 0
    videos = pd.read_csv(to / "vbench_videos.csv")
    assert list(zip(videos["prompt"], videos["seed"], strict=True)) == [(0, 7), (4, 0), (3, 0)]


@pytest.mark.slow
def test_prompts_that_are_one_video_are_one_unit_of_the_interval(any_prompts):
    record = any_prompts / "points" / ("p" * 20) / "record.json"
    content = json.loads(record.read_text("utf-8"))
    content["inputs"] = [
        {"prompt": prompt, "seed": seed, "tokens": {"digest": "the same"}}
        for prompt in range(len(ANY_PROMPTS))
        for seed in SEEDS
    ]
    record.write_text(json.dumps(content), "utf-8")
    write_digests(record.parent)
    to = any_prompts / "to"
    assert main(["vbench", str(any_prompts), str(to)]) == 0
    names = ["000-7.mp4", "001-7.mp4", "002-7.mp4"]
    entries = [{"video_path": f"/x/0/{name}", "video_results": 1.0} for name in names]
    (any_prompts / "found.json").write_text(json.dumps({"color": [1.0, entries]}), "utf-8")
    assert main(["vbench-results", str(to), str(any_prompts / "found.json")]) == 0
    row = pd.read_csv(to / "vbench.csv").iloc[0]
    assert row["videos"] == 3
    assert pd.isna(row["low"])
    assert row["note"] == "no interval: 1 video"


def test_the_standard_name_of_a_long_prompt():
    with pytest.raises(ValueError, match="exceeds 255 bytes"):
        video_name("\u00e9" * 130, 0)


def test_a_file_of_vbench_itself(fixture_results):
    """Written by `vbench` 0.1.5 for ten exported videos."""
    found = read_results(fixture_results)
    assert set(found) == {"temporal_flickering"}
    result = found["temporal_flickering"]
    assert result.score == pytest.approx(np.mean(list(result.videos.values())))


@pytest.fixture
def fixture_results():
    return Path(__file__).parents[1] / "fixtures" / "metrics" / "vbench_eval_results.json"


def test_the_prompt_suite_is_complete_and_can_be_named():
    texts = yaml.safe_load((CONF / "vbench.yaml").read_text("utf-8"))["texts"]
    assert len(texts) == len(set(texts)) == 944
    assert len({video_name(text, 0) for text in texts}) == 944
    small = yaml.safe_load((CONF / "vbench_small.yaml").read_text("utf-8"))["texts"]
    assert len(small) == len(set(small)) == 22
    assert set(small) < set(texts)
