"""Places where nothing can be written, and surroundings, are told before anything is sampled."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pab_bench.cli import main
from pab_bench.compare.command import main as compare
from pab_bench.experiment import ranks
from pab_bench.files import why_no_file, why_not_writable

ROOT = Path(__file__).parents[2]
OTHERS = {"WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29399"}
"""What torchrun sets for several ranks, but for the number of each."""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["results_dir=afile"], "afile: nothing can be written there: "),
        (["results_dir=afile/below"], "afile/below: nothing can be written there: "),
        (["results_dir=/proc/nothere"], "results_dir=/proc/nothere: nothing can be written there"),
        (["task=plan", "json=/proc/nothere/x.json"], "json=/proc/nothere/x.json: nothing can"),
        (["task=cost", "json=afile/x.json"], "afile/x.json: nothing can be written there"),
        (["task=claims", "json=."], "nothing can be written there: it is a folder"),
        (["hydra.run.dir=afile/x"], "afile/x: nothing can be written there"),
        (["-m", "hydra.sweep.dir=afile", "spatial_gap=1,2"], "hydra.sweep.dir="),
        (["task=sample", "sample.folder=afile"], "sample.folder="),
    ],
)
def test_places(
    overrides: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("afile").touch()
    assert main(overrides) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["afile"]


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    assert why_not_writable(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    assert why_not_writable(tmp_path / "a") is None
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_may_be_replaced_and_a_folder_not(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert why_no_file(tmp_path / "x.json") is None
    assert why_no_file(tmp_path / "new" / "x.json") is None
    assert why_no_file(tmp_path) == "it is a folder"
    assert why_no_file(tmp_path / ("x" * 300)) == "File name too long"


def test_a_link_to_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    assert why_not_writable(tmp_path / "link" / "x") == f"{tmp_path}/link is a link to nowhere"


def test_several_processes_may_try_at_once(tmp_path: Path) -> None:
    """None must take what another has made for its trial for a folder that is there."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(why_not_writable, [tmp_path / "a" / "b"] * 400))
    assert found == [None] * 400
    assert list(tmp_path.iterdir()) == []


def test_compare_tries_its_output_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    for side in ("reference", "test"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", np.zeros((2, 16, 16, 3), dtype=np.uint8))
    (tmp_path / "afile").touch()
    sides = [str(tmp_path / side) for side in ("reference", "test")]
    assert compare([*sides, "--output", str(tmp_path / "afile")]) == 2
    assert "afile: nothing can be written there" in capsys.readouterr().err


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pab_bench", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WORLD_SIZE": "4", "RANK": "0"}, "WORLD_SIZE=4: MASTER_ADDR, MASTER_PORT are not set"),
        ({"WORLD_SIZE": "4"}, "WORLD_SIZE=4: RANK, MASTER_ADDR, MASTER_PORT are not set"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE=many: must be a number of processes"),
    ],
)
def test_what_cluster_managers_set(
    environment: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["steps=4"]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


def test_what_only_says_something_is_said_by_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in OTHERS.items():
        monkeypatch.setenv(name, value)
    for wait in ("leading", "serve"):  # It would be for ever: nobody comes.
        monkeypatch.delattr(ranks, wait)
    monkeypatch.setenv("RANK", "0")
    assert main(["task=plan", "steps=4"]) == 0
    assert "points: 1" in capsys.readouterr().out
    monkeypatch.setenv("RANK", "1")
    assert main(["task=plan", "steps=4"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_what_only_says_something_waits_for_nobody() -> None:
    first = command("task=plan", "steps=4", RANK="0", **OTHERS)
    assert first.returncode == 0, first.stderr
    assert "points: 1" in first.stdout
    second = command("task=plan", "steps=4", RANK="1", **OTHERS)
    assert (second.returncode, second.stdout) == (0, "")
