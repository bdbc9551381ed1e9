import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from analysis.build import BuildResult
from pab_bench.cli import main
from pab_bench.config import hydra_setup
from pab_bench.config.paths import CONF, ROOT
from pab_bench.config.resolve import resolve
from pab_bench.config.settings import Settings

COMMON = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "steps=10",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
]
TINY = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=6",
    "spatial_threshold=[100,700]",
    "temporal_threshold=[100,700]",
    "metrics=none",
    "record.curves=false",
]
"""The real model on a video so small that a step takes milliseconds; at 6 steps the timesteps are
830, 664, 498, 332, 166 and 0, so that calls 1 to 4 can reuse."""


def no_figures(*_: object) -> BuildResult:
    """In place of `analysis.build.build`, where figures at the end are another test's."""
    return BuildResult((), {}, {}, {}, ())


@pytest.fixture
def without_figures(monkeypatch):
    """Runs end without figures: those of a small run take longer than its videos."""
    monkeypatch.setattr("analysis.figures.catalog.drawings", lambda data: [])


@pytest.fixture
def without_analysis(monkeypatch):
    """Runs end with their last point, where what is made of points is another test's."""
    monkeypatch.setattr("analysis.build.build", no_figures)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the real command line on the embedded mini, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        return main([*arguments, *COMMON])

    return command


@pytest.fixture
def settings_of(tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Composes and resolves as a job does; tiny videos, results in the test's own folder."""
    GlobalHydra.instance().clear()
    hydra_setup.register()

    def make(*overrides: str) -> Settings:
        lines = [f"results_dir={tmp_path / 'results'}", *TINY, *overrides]
        return resolve(compose("config", lines), lines)

    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield make


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command line in a process of its own, in the test's folder."""

    def begin(*arguments: str, module: str = "pab_bench", launcher: tuple[str, ...] = ()):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        python = (sys.executable, *launcher, "-m", module)
        return subprocess.Popen(
            [*python, *arguments, *TINY],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin
