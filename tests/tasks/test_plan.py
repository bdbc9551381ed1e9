"""`task=plan` says what a command would do, and what it says is what then happens."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tasks.conftest import TINY

from pab_bench.config import hydra_setup
from pab_bench.config.paths import ROOT
from pab_bench.config.preflight import preflight
from pab_bench.experiment import point, session
from pab_bench.experiment.planned import plan_points
from pab_bench.experiment.point import make_point


def planned(command, *arguments):
    assert command("task=plan", "json=plan.json", *arguments) == 0
    return json.loads(Path("plan.json").read_text())


def test_nothing_is_loaded_or_written(command, monkeypatch, capsys):
    def loads(settings):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(session, "open_session", loads)
    assert command("task=plan", "-m", "spatial_gap=2,3", "model=latte") == 0
    shown = capsys.readouterr().out
    assert "points: 2: 0 done, 2 to do" in shown
    assert "baselines: 1: 0 done, 1 to do" in shown
    assert "time: not known" in shown
    assert list(Path().iterdir()) == []


def test_it_foresees_what_is_done_failed_and_replayed(command, tmp_path, monkeypatch):
    sweep = ["-m", "spatial_gap=2,3", "temporal_gap=1,2"]
    before = planned(command, *sweep)
    assert [point["state"] for point in before["points"]] == ["to do"] * 4
    assert before["points"][0]["seconds"] is None
    hydra_setup.register()
    grid = preflight(hydra_setup.argument_parser().parse_args([*sweep, *TINY]))
    for number, planned_point in enumerate(grid.points[:2]):
        record = make_point(planned_point.settings, tmp_path / "run").record
        foreseen = before["points"][number]
        assert record.plan["reuse_share"] == foreseen["reuse_share"]
        replayed = record.timing["denoise_s"]["replayed_share"]
        assert replayed == pytest.approx(foreseen["replayed_share"])
    monkeypatch.setattr(point, "_make", lambda *_: (_ for _ in ()).throw(ValueError("broken")))
    make_point(grid.points[2].settings, tmp_path / "run")

    after = planned(command, *sweep)
    assert [p["state"] for p in after["points"]] == ["done", "done", "failed", "to do"]
    assert after["points"][2]["error"] == "ValueError: broken"
    assert [p["state"] for p in after["baselines"]] == ["done"]
    seconds = [p["seconds"] for p in after["points"]]
    assert seconds[:2] == [0, 0]
    assert all(0 < s < 60 for s in seconds[2:])
    fresh = planned(command, "spatial_gap=2", "temporal_gap=1", "fresh=true")
    assert [p["state"] for p in fresh["points"]] == ["to do"]
    ratios = [p["flops_ratio"] for p in after["points"]]
    assert all(0 < ratio < 1 for ratio in ratios)
    assert ratios[0] > ratios[1]  # Temporal attention is reused, too.


def test_every_error_of_every_point_at_once(command, capsys):
    assert command("task=plan", "-m", "spatial_gap=0,2", "dtype=float32,float8", "block=[7,9]") == 2
    shown = capsys.readouterr().err
    for part in ("spatial_gap=0", "dtype=float8", "spatial_block=[7,9]: begins beyond"):
        assert part in shown


def test_a_device_that_is_not_here(command, capsys):
    assert command("task=plan", "-m", "device=cpu,cuda:99") == 2
    assert "device=cuda:99: torch sees" in capsys.readouterr().err


@pytest.mark.slow
def test_a_thousand_points_within_seconds(tmp_path):
    """Of processor time, since others may use the machine; all imports are in it."""
    code = (
        "import sys, time; from pab_bench.cli import main; "
        "status = main(['task=plan', '-m', 'spatial_gap=range(1,11)', 'temporal_gap=range(1,11)', "
        "'cross_gap=range(1,11)', 'json=plan.json']); "
        "print('seconds', time.process_time()); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "plan.json").read_text())["points"]) == 1000
    assert "points: 1000: 0 done, 1000 to do" in done.stdout
    assert float(done.stdout.split("seconds ")[-1]) < 15


def test_a_point_is_planned_in_milliseconds(command):
    hydra_setup.register()
    lines = ["-m", "spatial_gap=range(1,4)", "temporal_gap=range(1,4)", "model=latte"]
    grid = preflight(hydra_setup.argument_parser().parse_args(lines))
    plan_points(grid)  # What is made once: imports, the model's shapes.
    began = time.process_time()
    plan_points(grid)
    assert (time.process_time() - began) / len(grid.points) < 0.01
