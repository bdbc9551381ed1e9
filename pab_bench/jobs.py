"""Lets Hydra start the jobs of a command, here or wherever its launcher starts them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.plugins.sweeper import Sweeper
from hydra.types import RunMode
from omegaconf import DictConfig

from pab_bench import progress
from pab_bench.config.grid import Grid
from pab_bench.config.paths import CONF
from pab_bench.config.preflight import CONFIG_NAME
from pab_bench.config.resolve import resolve
from pab_bench.config.run_directory import forget_run_directory, run_directory
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment.job import Job
from pab_bench.status import BAD_CONFIGURATION, FAILED, INTERRUPTED, OK, report
from pab_bench.tasks.registry import TASKS, JobTask, load

_log = logging.getLogger(__name__)


def run_jobs(task: JobTask, grid: Grid, arguments: Sequence[str]) -> int:
    """Run all jobs of a command, and then the task's finish; the exit status."""
    forget_run_directory()
    total = None if grid.searches else len(grid.points)
    with progress.shown(total, _pointers if grid.parallel else None):
        status = start_hydra(arguments)
    directory = run_directory()
    if directory is None or task.finish is None:
        return status
    # After Hydra, not in one of its callbacks: it swallows their exceptions, and calls none at the
    # end of a run that failed or was interrupted.
    finished: int = load(task.finish)(directory, grid, status == INTERRUPTED)
    return max(status, finished)


def run_point(cfg: DictConfig) -> Any:
    """Hydra's task: one grid point. What it returns is what a sweeper optimises."""
    hydra_config = HydraConfig.get()
    multirun = hydra_config.mode == RunMode.MULTIRUN
    job = Job(
        number=hydra_config.job.num if multirun else 0,
        directory=Path(hydra_config.runtime.output_dir).absolute(),
        overrides=list(hydra_config.overrides.task),
        multirun=multirun,
        parallel=multirun and not str(hydra_config.launcher._target_).endswith(".BasicLauncher"),
    )
    try:
        settings = resolve(cfg, job.overrides)
        for notice in settings.notices:
            _log.warning(notice)
        task = TASKS[settings.task]
        assert isinstance(task, JobTask)  # `run_jobs` is called for no other.
        # Only now: it needs torch, which takes seconds to import.
        return load(task.run)(settings, job)
    except ConfigError as error:
        report(error)
        # Hydra goes on after an exception, but stops at a SystemExit.
        raise SystemExit(BAD_CONFIGURATION) from error
    except PabBenchError as error:
        # Not a failed point, which is recorded: no point can be made, or on_error is `raise`.
        _log.error("%s", error)
        raise SystemExit(FAILED) from error


def start_hydra(arguments: Sequence[str]) -> int:
    """Let Hydra run a command line; its exit status."""
    started = hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
    # Hydra reads the process' arguments and cannot be given others.
    saved = sys.argv
    sys.argv = [saved[0], *arguments]
    try:
        with _composed_once():
            started(run_point)()
    except KeyboardInterrupt:
        print("pab_bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.argv = saved
    return OK


@contextmanager
def _composed_once() -> Iterator[None]:
    """Keep Hydra's sweeper from composing every job before the first, to see whether it can.

    The preflight has checked them all, and composing takes as long as a small video.
    """
    # The base class: Hydra loads the sweepers themselves a second time, as plugins.
    own = Sweeper.validate_batch_is_legal
    Sweeper.validate_batch_is_legal = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = own  # type: ignore[method-assign]


def _pointers() -> Iterator[Path]:
    directory = run_directory()
    return iter(()) if directory is None else directory.glob("*/point.json")
