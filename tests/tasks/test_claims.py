"""`task=claims` as a user runs it, on tiny videos, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from claims.made_curves import CALLS, U, curves

from analysis.figures.stable_segment import stable_segment as draw
from pab_bench.claims.definition import PAPER, differences
from pab_bench.claims.document import document
from pab_bench.claims.examination import examine
from pab_bench.claims.report import Report
from pab_bench.claims.stable_segment import segments_frame, stable_segment
from pab_bench.cli import main

TINY = [
    "task=claims",
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=10",
    "metrics=none",
    "record.videos=false",
]
SHAPES = {"spatial": U, "temporal": U, "cross": U, "mlp": U}


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([*arguments, *TINY])


def report(found, table, control=None):
    baseline = {
        "id": "b" * 20,
        "model": "made",
        "weights_digest": "d" * 64,
        "prompts": ["one", "two"],
        "seeds": [0, 1],
        "steps": CALLS,
        "calls": CALLS,
        "guidance": 4.0,
        "device": "cpu",
        "versions": {"torch": "2"},
    }
    return Report("made", baseline, table, CALLS, found, control, "About controls.")


def folder_of(model):
    (folder,) = Path("results/claims").glob(f"{model}-*")
    return folder


def test_a_model_alone_and_beside_its_control(command, capsys):
    assert command("model=latte_mini") == 0
    assert "-m model=latte_mini,latte_mini_random" in capsys.readouterr().out

    models = "model=latte_mini,latte_mini_random"
    assert command("-m", models, "spatial_gap=2", "json=all.json") == 0
    shown = capsys.readouterr().out
    assert "the rules are ignored" in shown
    assert "These are random weights" in shown
    assert "n=1 seed: there is nothing to compare" in " ".join(shown.split())
    trained = json.loads((folder_of("latte_mini") / "claims.json").read_text())
    random = json.loads((folder_of("latte_mini_random") / "claims.json").read_text())
    assert trained["kinds"] == ["spatial", "temporal", "cross", "mlp"]
    assert trained["baseline"]["calls"] == 10
    # One video decides nothing; its effects are there nevertheless.
    assert {found["verdict"] for found in trained["findings"]} == {"undecided"}
    arm = trained["findings"][0]
    assert arm["interval"] is None
    assert arm["reason"] == "n=1 seed, needs 4"
    points = {path.parent.name for path in Path("results/points").glob("*/record.json")}
    assert points == {trained["baseline"]["id"], random["baseline"]["id"]}
    # The control was found in the store, and its effects are its own.
    beside = trained["control"]["examination"]["findings"]
    assert [f["effect"] for f in beside] == [f["effect"] for f in random["findings"]]
    assert arm["effect"] != beside[0]["effect"]
    assert random["control"]["examination"] is None
    assert len(json.loads(Path("all.json").read_text())["reports"]) == 2
    assert {p.name for p in folder_of("latte_mini").iterdir()} == {
        "claims.json",
        "claims.md",
        "stable_segment.pdf",
        "stable_segment.png",
    }

    # Everything is in the store: nothing is sampled again, and the same comes out.
    before = {p: p.stat().st_mtime_ns for p in Path("results/points").glob("*/record.json")}
    text = (folder_of("latte_mini") / "claims.md").read_text()
    assert command("model=latte_mini") == 0
    assert {p: p.stat().st_mtime_ns for p in Path("results/points").glob("*/record.json")} == before
    again = (folder_of("latte_mini") / "claims.md").read_text()
    assert text == again
    assert str(Path.cwd()) not in text


def test_without_curves(command, capsys):
    assert command("record.curves=false") == 2
    assert "record.curves=false: task=claims is about curves" in capsys.readouterr().err


def test_a_baseline_that_fails(command, capsys, monkeypatch):
    from pab_bench.experiment import point

    monkeypatch.setattr(point, "_make", lambda *_: (_ for _ in ()).throw(ValueError("broken")))
    assert command("model=latte_mini") == 1
    assert "failed: ValueError: broken" in capsys.readouterr().out
    assert not Path("results/claims").exists()


def test_the_document_says_everything():
    table = curves(SHAPES, seeds=1)
    control = examine(curves({"spatial": U}, seeds=1), CALLS, sensitivity=False)
    found = examine(table, CALLS)
    text = document(report(found, table, control))
    for part in (
        "U-shape: both arms: spatial: holds; temporal: holds",
        "Kinds tested: spatial, temporal, cross, mlp. About controls.",
        "| first 15 % above middle",
        "spatial > temporal > cross",
        "`[159,821]`",
        "4 (4 prompts)",
        "| random weights |",
        "A claim holds if the whole 95 % bootstrap interval",
        "spatial 0, spatial 1",
        "mse_over_energy, gated",
        "verdicts depend",
        "weights `dddddddddddddddd`",
        "  1. two",
    ):
        assert part in " ".join(text.split(" ")), part


def test_full_attention_has_no_temporal_kind():
    table = curves({"spatial": U, "mlp": U})
    text = document(report(examine(table, CALLS, sensitivity=False), table))
    assert "Kinds tested: spatial, mlp. The model has no temporal and no cross attention" in text
    assert "| ranking" not in text


def test_the_figure_marks_what_was_found():
    table = curves(SHAPES)
    found = [
        stable_segment(part, str(kind)) for kind, part in differences(table, PAPER).groupby("kind")
    ]
    segments = segments_frame(found)
    assert set(segments["kind"]) == set(SHAPES)
    segments = segments[segments["kind"] != "cross"]
    figure = draw(table, CALLS, segments, "made")
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert set(panels) == {
        "Spatial: steps 8 to 41 (holds)",
        "Temporal: steps 8 to 41 (holds)",
        "Cross: no segment found",
        "MLP: steps 8 to 41 (holds)",
    }
    ends = [
        line.get_xdata()[0]
        for line in panels["Spatial: steps 8 to 41 (holds)"].lines
        if line.get_linestyle() == "--"
    ]
    assert ends == [7.5, 41.5]


def test_a_frame_of_no_segments():
    frame = segments_frame([])
    assert isinstance(frame, pd.DataFrame)
    assert {"kind", "first", "last_high"} <= set(frame)
