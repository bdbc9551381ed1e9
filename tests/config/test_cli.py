from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from pab_bench import cli
from pab_bench.config.grid import Grid
from pab_bench.config.paths import ROOT
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.tasks.job import Job

Runner = Callable[[Settings, Job], None]


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_bad_configuration_from_anywhere(tmp_path: Path) -> None:
    done = python("-m", "pab_bench", "-m", "spatial_gap=1,0", cwd=tmp_path)
    assert done.returncode == 2
    assert "spatial_gap=0: must be a whole number of at least 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_help_is_light(tmp_path: Path) -> None:
    code = (
        "import sys; from pab_bench.cli import main; status = main(['--help']); "
        "heavy = {'torch', 'diffusers', 'pandas', 'matplotlib'} & set(sys.modules); "
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gap_grid" in done.stdout.partition("sweeps: ")[2].splitlines()[0]
    assert "spatial, temporal, cross or mlp" in done.stdout


def test_bad_configuration_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pab_bench.cli import main; status = main(['steps=0']); "
        "sys.exit(f'{status} torch' if status != 2 or 'torch' in sys.modules else 0)"
    )
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pab_bench ")


class Experiment:
    """Stands in for the experiment, which this is not a test of; it keeps what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[tuple[Settings, Job]] = []
        self.finished: list[Path] = []
        self.finish_status = 0
        self.behave: Runner = lambda settings, job: None
        run = types.ModuleType("pab_bench.tasks.run")
        run.run_job = self.run_job  # type: ignore[attr-defined]
        finish = types.ModuleType("pab_bench.tasks.finish")
        finish.finish_sweep = self.finish_sweep  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, run.__name__, run)
        monkeypatch.setitem(sys.modules, finish.__name__, finish)

    def run_job(self, settings: Settings, job: Job) -> None:
        self.jobs.append((settings, job))
        self.behave(settings, job)

    def finish_sweep(self, directory: Path, grid: Grid, interrupted: bool) -> int:
        self.finished.append(directory)
        self.interrupted = interrupted
        self.points = len(grid.points)
        return self.finish_status


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Experiment:
    monkeypatch.chdir(tmp_path)
    return Experiment(monkeypatch)


def test_a_single_run(experiment: Experiment, tmp_path: Path) -> None:
    assert cli.main(["spatial_gap=2"]) == 0
    ((settings, job),) = experiment.jobs
    assert settings.method.rules.spatial.gap == 2
    assert settings.results_dir == tmp_path / "results"
    assert (job.number, job.overrides, job.multirun) == (0, ["spatial_gap=2"], False)
    assert job.directory.parent == tmp_path / "results" / "single"
    assert experiment.finished == [job.directory]
    assert job.sweep_directory == job.directory
    assert (job.directory / "pab_bench.log").exists()


def test_a_multirun(experiment: Experiment, tmp_path: Path) -> None:
    assert cli.main(["-m", "spatial_gap=1,2", "name=mine", "seeds=[0,1]"]) == 0
    (directory,) = experiment.finished
    assert directory.parent == tmp_path / "results" / "mine"
    assert [job.directory for _, job in experiment.jobs] == [directory / "0", directory / "1"]
    assert [job.number for _, job in experiment.jobs] == [0, 1]
    assert {job.sweep_directory for _, job in experiment.jobs} == {directory}
    assert experiment.jobs[1][1].overrides == ["spatial_gap=2", "name=mine", "seeds=[0,1]"]
    assert [settings.method.rules.spatial.gap for settings, _ in experiment.jobs] == [1, 2]


def test_where_m_stands_does_not_matter(experiment: Experiment) -> None:
    assert cli.main(["spatial_gap=1,2", "-m", "temporal_gap=3"]) == 0
    assert [settings.method.rules.spatial.gap for settings, _ in experiment.jobs] == [1, 2]
    assert [settings.method.rules.temporal.gap for settings, _ in experiment.jobs] == [3, 3]


def test_a_sweep_file_needs_no_m(experiment: Experiment, tmp_path: Path) -> None:
    assert cli.main(["+sweeps=gap_grid", "spatial_gap=2", "temporal_gap=3"]) == 0
    assert [settings.method.rules.cross.gap for settings, _ in experiment.jobs] == [1, 6, 9]
    assert experiment.finished[0].parent == tmp_path / "results" / "gap_grid"


def test_a_bad_point_late_in_the_grid_stops_before_the_first(experiment: Experiment) -> None:
    assert cli.main(["-m", "spatial_gap=1,2,0"]) == 2
    assert experiment.jobs == []
    assert experiment.finished == []


def test_a_failed_point_is_exit_status_1(experiment: Experiment) -> None:
    experiment.finish_status = 1
    assert cli.main(["spatial_gap=2"]) == 1


@pytest.mark.parametrize(
    ("error", "status", "jobs"),
    [
        (KeyboardInterrupt(), 130, 1),
        (ConfigError("spatial_threshold=[1,2]: no timestep"), 2, 1),
        (PabBenchError("weights are missing"), 1, 1),
        (RuntimeError("a bug"), 1, 2),
    ],
    ids=["interrupted", "bad configuration", "no point can be made", "bug"],
)
def test_however_it_ends_the_run_is_summed_up(
    error: BaseException,
    status: int,
    jobs: int,
    experiment: Experiment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def behave(settings: Settings, job: Job) -> None:
        raise error

    experiment.behave = behave
    assert cli.main(["-m", "spatial_gap=1,2"]) == status
    assert len(experiment.jobs) == jobs
    assert len(experiment.finished) == 1
    assert experiment.interrupted == isinstance(error, KeyboardInterrupt)
    assert experiment.points == 2
    shown = capsys.readouterr().err
    assert ("Traceback" in shown) == isinstance(error, RuntimeError)


def test_notices_are_shown(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["preset=pab_document"]) == 0
    assert "spatial_block=[0,28] ends beyond" in capsys.readouterr().err


def test_a_task_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task=paln"]) == 2
    assert (
        "task=paln: must be one of advise, calibrate, claims, cost, describe, plan, run, sample, "
        "scaling, speed. Did you mean 'plan'?" in capsys.readouterr().err
    )


def test_a_command_has_one_task(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-m", "task=run,plan"]) == 2
    assert "task=plan,run: a command has one task" in capsys.readouterr().err
    assert experiment.jobs == []


def test_a_search_has_no_grid_to_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task=plan", "+sweeps=search"]) == 2
    assert "task=plan: hydra/sweeper chooses its points" in capsys.readouterr().err


def test_torchrun_and_a_launcher_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.ranks, "count", lambda: 2)
    assert cli._main(["-m", "spatial_gap=1,2", "hydra/launcher=joblib"]) == 2
    assert "start without torchrun" in capsys.readouterr().err


def test_the_process_arguments_are_left_as_they_were(experiment: Experiment) -> None:
    before = list(sys.argv)
    cli.main(["spatial_gap=2"])
    assert sys.argv == before
