"""The command line: `pab-bench`, or `python -m pab_bench`.

Hydra composes, runs and sweeps; around it every grid point is validated before the first one
starts, and the whole run is summed up after the last one.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from pab_bench.config import search_path
from pab_bench.config.grid import Grid
from pab_bench.config.preflight import preflight
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment import ranks
from pab_bench.jobs import run_jobs, start_hydra
from pab_bench.status import BAD_CONFIGURATION, FAILED, INTERRUPTED, OK, report
from pab_bench.tasks.registry import TASKS, GridTask, load


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
    if ranks.count() == 1:
        return _main(arguments)
    if ranks.rank() > 0:
        return ranks.serve()
    with ranks.leading():
        return _main(arguments)


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
    search_path.register()
    parser = get_args_parser()
    parser.prog = "pab_bench"
    parsed = parser.parse_args(arguments)
    only_shows = (parsed.help, parsed.hydra_help, parsed.cfg, parsed.info, parsed.shell_completion)
    if any(only_shows):
        return start_hydra(arguments)
    try:
        grid = preflight(parsed)
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
        report(error)
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
