"""The end of a run: what is missing or was killed is named, and the exit status says so."""

import json

import pytest

from analysis.build import BuildResult
from pab_bench.config.grid import Grid, GridPoint
from pab_bench.tasks.finish import finish_sweep


@pytest.fixture
def sweep(tmp_path, monkeypatch, settings_of):
    """Makes a sweep's folder with jobs of given states: ok, failed, killed, or not started."""
    monkeypatch.setattr("analysis.build.build", lambda *_: BuildResult((), {}, {}, {}, ()))

    def make(*states):
        for number, state in enumerate(states):
            folder = tmp_path / str(number)
            if state == "not started":
                continue
            (folder / ".hydra").mkdir(parents=True)
            (folder / ".hydra" / "overrides.yaml").write_text(f"- spatial_gap={number}\n")
            if state != "killed":
                pointer = {"id": "abc", "status": state, "cached": False}
                (folder / "point.json").write_text(json.dumps(pointer))
        points = [GridPoint((f"spatial_gap={n}",), settings_of()) for n in range(len(states))]
        return Grid(tuple(points), multirun=True)

    return make


def test_all_is_well(sweep, tmp_path, capsys):
    assert finish_sweep(tmp_path, sweep("ok", "ok"), interrupted=False) == 0
    assert "points done" not in capsys.readouterr().out


def test_failed_killed_and_not_started(sweep, tmp_path, capsys):
    grid = sweep("ok", "failed", "killed", "not started")
    assert finish_sweep(tmp_path, grid, interrupted=False) == 1
    told = "1 of 4 points done, 2 failed, 1 not made; the same command again makes the rest"
    assert told in capsys.readouterr().out
    pointer = json.loads((tmp_path / "2" / "point.json").read_text())
    assert pointer["overrides"] == ["spatial_gap=2"]
    assert pointer["error"]["kind"] == "worker_killed"


def test_what_the_user_has_interrupted_was_not_killed(sweep, tmp_path, capsys):
    assert finish_sweep(tmp_path, sweep("ok", "killed", "not started"), interrupted=True) == 1
    assert "1 of 3 points done, 2 not made" in capsys.readouterr().out
    assert not (tmp_path / "1" / "point.json").exists()


def test_nothing_was_started(sweep, tmp_path):
    assert finish_sweep(tmp_path / "nowhere", sweep("not started"), interrupted=False) == 0


def test_the_analysis_fails(sweep, tmp_path, monkeypatch, caplog, capsys):
    def fails(*_):
        raise RuntimeError("a figure")

    monkeypatch.setattr("analysis.build.build", fails)
    assert finish_sweep(tmp_path, sweep("ok"), interrupted=False) == 1
    assert "`python -m analysis` makes it again" in caplog.text
    assert "missing: summary, tables, figures and report; `python -m" in capsys.readouterr().out


def test_what_could_not_be_made_is_named(sweep, tmp_path, monkeypatch, capsys):
    failures = {"figures/quality": "ValueError: empty", "report": "OSError: No space left"}
    made = BuildResult((), {}, failures, {}, ())
    monkeypatch.setattr("analysis.build.build", lambda *_: made)
    assert finish_sweep(tmp_path, sweep("ok"), interrupted=False) == 1
    told = "missing: figures/quality, report; `python -m analysis"
    assert told in capsys.readouterr().out
