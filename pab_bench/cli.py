"""The command line: `pab-bench`, or `python -m pab_bench`.

Hydra composes, runs and sweeps; around it every grid point is validated before the first one
starts, and the whole run is summed up after the last one.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pab_bench import progress
from pab_bench.config import hydra_setup
from pab_bench.config.grid import Grid
from pab_bench.config.places import check_places
from pab_bench.config.preflight import preflight
from pab_bench.config.resolve import resolve
from pab_bench.errors import (
    BAD_CONFIGURATION,
    FAILED,
    INTERRUPTED,
    OK,
    ConfigError,
    PabBenchError,
    report_bad_configuration,
)
from pab_bench.experiment import ranks
from pab_bench.registry import load
from pab_bench.tasks.job import Job
from pab_bench.tasks.registry import TASKS, GridTask, JobTask

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Under torchrun this is rank 0's doing; the other ranks sample what it gives them.

    Args:
        argv: the arguments, without the program's name; None means the process' own.

    Returns:
        The exit status: 0 all points done, 1 a point failed, 2 bad configuration, 130 interrupted.
    """
    # Hydra's parser wants overrides together, so that `task=plan -m spatial_gap=1,2` would fail.
    given = sys.argv[1:] if argv is None else argv
    arguments = sorted(given, key=lambda argument: argument not in ("-m", "--multirun"))
    # Figures are only written: whichever window or notebook the user's own program draws in.
    os.environ.pop("MPLBACKEND", None)
    try:
        alone = ranks.count() == 1
    except ConfigError as error:
        report_bad_configuration(error)
        return BAD_CONFIGURATION
    if alone or _needs_nobody(arguments):
        return _main(arguments) if alone or ranks.rank() == 0 else OK
    if ranks.rank() > 0:
        return ranks.serve()
    with ranks.leading():
        return _main(arguments)


def _needs_nobody(arguments: Sequence[str]) -> bool:
    """Whether a command only says something, which one rank can do."""
    says = {"--help", "-h", "--version", "--hydra-help", "--info", "-i", "--cfg", "-c"}
    return not {*says, "task=plan", "task=cost"}.isdisjoint(arguments)


def version() -> str:
    """The installed version of pab_bench."""
    try:
        return importlib.metadata.version("pab_bench")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _main(arguments: Sequence[str]) -> int:
    if "--version" in arguments:
        print(f"pab_bench {version()}")
        return OK
    hydra_setup.register()
    parsed = hydra_setup.argument_parser().parse_args(arguments)
    only_shows = (parsed.help, parsed.hydra_help, parsed.cfg, parsed.info, parsed.shell_completion)
    if any(only_shows):
        return start_hydra(arguments)
    try:
        grid = preflight(parsed)
        check_places(grid)
        if grid.parallel and ranks.count() > 1:
            raise ConfigError(
                "hydra/launcher: torchrun's ranks share the videos of one point after the other; "
                "for several points at once start without torchrun"
            )
        task = TASKS[grid.task]
        if isinstance(task, GridTask):
            return _run_grid(task, grid)
        return run_jobs(task, grid, arguments)
    except ConfigError as error:
        report_bad_configuration(error)
        return BAD_CONFIGURATION


def _run_grid(task: GridTask, grid: Grid) -> int:
    if grid.searches:
        raise ConfigError(
            f"task={grid.task}: hydra/sweeper chooses its points while it runs, so that there is "
            "no grid to look at; leave hydra/sweeper out"
        )
    try:
        return int(load(task.run)(grid))
    except ConfigError:
        raise
    except PabBenchError as error:
        print(f"pab_bench: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("pab_bench: interrupted", file=sys.stderr)
        return INTERRUPTED


def run_jobs(task: JobTask, grid: Grid, arguments: Sequence[str]) -> int:
    """Run all jobs of a command, and then the task's finish; the exit status."""
    hydra_setup.forget_run_directory()
    total = None if grid.searches else len(grid.points)
    with progress.shown(total, _pointers if grid.parallel else None):
        status = start_hydra(arguments)
    directory = hydra_setup.run_directory()
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
        report_bad_configuration(error)
        # Hydra goes on after an exception, but stops at a SystemExit.
        raise SystemExit(BAD_CONFIGURATION) from error
    except PabBenchError as error:
        # Not a failed point, which is recorded: no point can be made, or on_error is `raise`.
        _log.error("%s", error)
        raise SystemExit(FAILED) from error


def start_hydra(arguments: Sequence[str]) -> int:
    """Let Hydra run a command line; its exit status."""
    # Hydra reads the process' arguments and cannot be given others.
    saved = sys.argv
    sys.argv = [saved[0], *arguments]
    try:
        hydra_setup.start(run_point)
    except KeyboardInterrupt:
        print("pab_bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.argv = saved
    return OK


def _pointers() -> Iterator[Path]:
    directory = hydra_setup.run_directory()
    return iter(()) if directory is None else directory.glob("*/point.json")
