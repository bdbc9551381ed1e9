"""The command line: `pab-bench`, or `python -m pab_bench`.

Hydra composes, runs and sweeps; around it every grid point is validated before the first one
starts, and the whole run is summed up after the last one.
"""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pab_bench.config import search_path
from pab_bench.config.paths import CONF
from pab_bench.config.preflight import CONFIG_NAME, preflight
from pab_bench.config.resolve import resolve
from pab_bench.config.run_directory import forget_run_directory, run_directory
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment.job import Job

OK, FAILED, BAD_CONFIGURATION, INTERRUPTED = 0, 1, 2, 130

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: the arguments, without the program's name; None means the process' own.

    Returns:
        The exit status: 0 all points done, 1 a point failed, 2 bad configuration, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--version" in arguments:
        print(f"pab_bench {version()}")
        return OK
    search_path.register()
    parser = get_args_parser()
    parser.prog = "pab_bench"
    parsed = parser.parse_args(arguments)
    only_shows = (parsed.help, parsed.hydra_help, parsed.cfg, parsed.info, parsed.shell_completion)
    if any(only_shows):
        return _start_hydra(arguments)
    try:
        preflight(parsed)
    except ConfigError as error:
        _report(error)
        return BAD_CONFIGURATION
    forget_run_directory()
    status = _start_hydra(arguments)
    directory = run_directory()
    if directory is None:
        return status
    # After Hydra, not in one of its callbacks: it swallows their exceptions, and calls none at the
    # end of a run that failed or was interrupted.
    from pab_bench.experiment.finish import finish_sweep

    return max(status, finish_sweep(directory))


def version() -> str:
    """The installed version of pab_bench."""
    try:
        return importlib.metadata.version("pab_bench")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def run_point(cfg: DictConfig) -> None:
    """Hydra's task: one grid point."""
    hydra_config = HydraConfig.get()
    multirun = hydra_config.mode == RunMode.MULTIRUN
    job = Job(
        number=hydra_config.job.num if multirun else 0,
        directory=Path(hydra_config.runtime.output_dir).absolute(),
        overrides=list(hydra_config.overrides.task),
        multirun=multirun,
    )
    try:
        settings = resolve(cfg, job.overrides)
        for notice in settings.notices:
            _log.warning(notice)
        # Deferred: it needs torch, which takes seconds to import.
        from pab_bench.experiment.run import run_job

        run_job(settings, job)
    except ConfigError as error:
        _report(error)
        # Hydra goes on after an exception, but stops at a SystemExit.
        raise SystemExit(BAD_CONFIGURATION) from error
    except PabBenchError as error:
        # Not a failed point, which is recorded: no point can be made, or on_error is `raise`.
        _log.error("%s", error)
        raise SystemExit(FAILED) from error


def _start_hydra(arguments: Sequence[str]) -> int:
    """Let Hydra run the command line; its exit status."""
    started = hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
    # Hydra reads the process' arguments and cannot be given others.
    saved = sys.argv
    sys.argv = [saved[0], *arguments]
    try:
        started(run_point)()
    except KeyboardInterrupt:
        print("pab_bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.argv = saved
    return OK


def _report(error: ConfigError) -> None:
    lines = str(error).splitlines()
    problems = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    shown = [f"pab_bench: bad configuration, {problems}:", *(f"  {line}" for line in lines)]
    print(*shown, "What the keys mean: pab-bench --help", sep="\n", file=sys.stderr)
