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
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pab_bench import progress
from pab_bench.config import hydra_setup
from pab_bench.config.composing import composed_once
from pab_bench.config.grid import Grid
from pab_bench.config.hydra_files import without_places
from pab_bench.config.places import check_places
from pab_bench.config.preflight import preflight, reason_of
from pab_bench.config.resolve import resolve
from pab_bench.config.shell_links import quoted_link
from pab_bench.config.shell_windows import quoted_shares
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
from pab_bench.experiment.prompt_notices import prompt_notices
from pab_bench.problems import InvalidSettings
from pab_bench.registry import load
from pab_bench.store.failure_kinds import TIME_LIMIT
from pab_bench.store.lost_jobs import REFUSED, note_lost, note_refused
from pab_bench.systems.registry import check_checkpoints, check_videos
from pab_bench.tasks.job import Job
from pab_bench.tasks.registry import TASKS, GridTask, JobTask
from pab_bench.tasks.time_limit import TimeLimit, time_limit_raised
from pab_bench.text.streams import lost, open_streams

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Under torchrun this is rank 0's doing; the other ranks sample what it gives them.

    Args:
        argv: the arguments, without the program's name; None means the process' own.

    Returns:
        The exit status: 0 all done, 1 something that was asked for failed or is missing, 2 bad
        configuration, 130 interrupted.
    """
    open_streams()
    status = _run(sys.argv[1:] if argv is None else argv)
    reason = lost()
    if reason is None:
        return status
    print(f"pab_bench: standard output cannot be written: {reason}", file=sys.stderr)
    return max(status, FAILED)


def _run(given: Sequence[str]) -> int:
    # Hydra's parser wants overrides together, so that `task=plan -m spatial_gap=1,2` would fail.
    arguments = sorted(given, key=lambda argument: argument not in ("-m", "--multirun"))
    arguments = [quoted_link(quoted_shares(argument)) for argument in arguments]
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
    return not {*says, "task=plan", "task=cost", "task=scaling"}.isdisjoint(arguments)


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
    with composed_once():
        return _command(arguments)


def _command(arguments: Sequence[str]) -> int:
    hydra_setup.register()
    parsed = hydra_setup.argument_parser().parse_args(arguments)
    only_shows = (parsed.help, parsed.hydra_help, parsed.cfg, parsed.info, parsed.shell_completion)
    try:
        if any(only_shows):
            if parsed.cfg == "job":  # Of a configuration that cannot be, Hydra shows a part.
                preflight(parsed)
            return start_hydra(arguments)
        grid = preflight(parsed)
        for line in _refused(grid):
            print(f"pab_bench: {line}", file=sys.stderr)
        check_places(grid)
        if grid.task not in ("plan", "cost", "scaling", "describe"):  # They need no weights.
            if not grid.parallel:  # A launcher's jobs may run on another machine.
                load("pab_bench.experiment.device:check_devices")(
                    point.settings.device for point in grid.points
                )
            check_checkpoints(point.settings.model for point in grid.points)
        check_videos((point.settings.model, point.settings.dtype) for point in grid.points)
        if grid.task != "describe":  # Which reads configurations alone.
            calibrated = [p.settings for p in grid.points if p.settings.method.calibrated]
            if calibrated:
                load("pab_bench.experiment.calibrated:check_calibrations")(calibrated)
        if grid.task == "run" and any(p.settings.parallel.is_on for p in grid.points):
            load("pab_bench.experiment.shareable:check_shareable")(
                point.settings for point in grid.points
            )
        if grid.task not in ("cost", "scaling"):
            for notice in prompt_notices(point.settings for point in grid.points):
                print(f"pab_bench: {notice}", file=sys.stderr)
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


def _refused(grid: Grid) -> Iterator[str]:
    """What is said before anything is sampled of points that become rows without numbers."""
    if grid.refused:
        count = len(grid.refused) + len(grid.points)
        yield f"{len(grid.refused)} of {count} grid points cannot be, and are rows that say why:"
    lines = [p.overrides for p in grid.points] + [p.overrides for p in grid.refused]
    shared = set.intersection(*map(set, lines))
    for point in grid.refused:
        own = " ".join(override for override in point.overrides if override not in shared)
        yield f"  job {point.number}, {own}: {point.reason}"


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
    total = None if grid.searches else len(grid.points) + len(grid.refused)
    with progress.shown(total, _pointers if grid.parallel else None), _submitted(grid):
        status = start_hydra(arguments)
    directory = hydra_setup.run_directory()
    if directory is None or task.finish is None:
        return status
    # After Hydra, not in one of its callbacks: it swallows their exceptions, and calls none at the
    # end of a run that failed or was interrupted.
    finished: int = load(task.finish)(directory, grid, status == INTERRUPTED)
    return max(status, finished)


def _submitted(grid: Grid) -> AbstractContextManager[None]:
    """What a launcher's lost jobs become, where submitit is there to lose them."""
    if not grid.parallel or find_spec("submitit") is None:
        return nullcontext()
    from pab_bench.config.submitted_jobs import lost_jobs_are_rows

    return lost_jobs_are_rows()


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
        with time_limit_raised():
            try:
                settings = resolve(cfg, job.overrides)
            except InvalidSettings as error:
                if not (multirun and cfg.on_refused == "row"):
                    raise
                overrides = list(map(without_places, job.overrides))
                note_refused(job.directory, overrides, reason_of(error))
                progress.current().point(REFUSED, cached=True)
                return None
            for notice in settings.notices:
                _log.warning(notice)
            task = TASKS[settings.task]
            assert isinstance(task, JobTask)  # `run_jobs` is called for no other.
            # Only now: it needs torch, which takes seconds to import.
            return load(task.run)(settings, job)
    except TimeLimit as error:
        _log.error("%s", error)
        lost = {"kind": TIME_LIMIT, "type": "TimeLimit", "message": str(error)}
        note_lost(job.directory, job.overrides, lost)
        return None
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
