"""Speedups on the command line: measured once, and used wherever they are known."""

import json

import pytest

from pab_bench.cli import main

SIZE = ["model.height=32", "model.width=32", "steps=6", "threshold=[100,700]", "metrics=none"]
SOON = ["speed.precision=0.5", "record.curves=false", "record.videos=false"]
PROMPT = "prompts.texts=[a large red circle moves right slowly over a black background]"

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments):
    return main([*arguments, *SIZE, *SOON, PROMPT])


def points(path):
    return json.loads(path.read_text())["points"]


def test_without_videos_and_then_with_them(folder, capsys):
    file = folder / "speed.json"
    assert command("task=speed", "-m", "spatial_gap=1,2", f"json={file}") == 0
    control, method = points(file)
    assert control["classes"] == {"computes all": 6}
    assert sum(method["classes"].values()) == 6
    assert len(method["classes"]) == 2
    value, low, high = method["speedup"]
    assert low <= value <= high
    assert method["baseline_denoise_s"] / method["denoise_s"] == pytest.approx(value)
    assert not (folder / "results" / "points").exists()
    assert "timing 2 kinds of calls" in capsys.readouterr().err
    # Known now: not measured again, and a cost beside the bounds.
    costs = folder / "cost.json"
    assert command("task=cost", "-m", "spatial_gap=1,2", f"json={costs}") == 0
    assert points(costs)[1]["speed"]["speedup"]["value"] == value
    assert "measured" in capsys.readouterr().out
    assert command("spatial_gap=2", "record.videos=true") == 0
    told = capsys.readouterr()
    assert "timing" not in told.err
    assert f"{value:.3f} [{low:.3f}, {high:.3f}]" in told.out
    # How long such points take follows from their calls, too.
    assert command("task=plan", "-m", "spatial_gap=1,2", "fresh=true") == 0
    shown = capsys.readouterr().out
    clocks = {timed["clock"] for timed in passes(folder)}
    assert ("and timed calls of" in shown) == ("wall" in clocks)


def passes(folder):
    (file,) = (folder / "results" / "timings").glob("*.json")
    return json.loads(file.read_text())["passes"]


def test_what_is_not_measured_is_missing_with_a_reason(folder, capsys):
    assert command("spatial_gap=2", "speed.calls=false") == 0
    assert "its calls were not timed" in capsys.readouterr().out
    assert not (folder / "results" / "timings").exists()
    assert command("task=speed", "spatial_gap=2", "speed.budget_s=0") == 1
    assert "0 s were not enough" in capsys.readouterr().out
    assert command("spatial_gap=2", "speed.budget_s=0") == 0
    assert "(speed.budget_s)" in capsys.readouterr().out


def test_a_speedup_that_is_optimised_is_measured_at_once(capsys):
    assert command("spatial_gap=2", "objectives=[speedup]", "speed.calls=false") == 2
    assert "objectives=speedup: needs speed.calls=true" in capsys.readouterr().err
    assert command("spatial_gap=2", "objectives=[speedup,denoise_s]") == 0
    # Once, before the analysis, which finds it.
    assert capsys.readouterr().err.count("timing 2 kinds of calls") == 1


@pytest.mark.slow
def test_whole_videos_judge(folder, capsys):
    file = folder / "speed.json"
    grid = ("task=speed", "-m", "spatial_gap=1,2", "speed.turns=2", f"json={file}")
    assert command(*grid) == 0
    assert "videos in turns" in capsys.readouterr().out
    for point in points(file):
        value, low, high = point["videos_speedup"]
        assert low <= value <= high
