"""What happens after the last job: summary, tables and figures from what is on disk."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from pab_bench.config.grid import Grid
from pab_bench.files import read_sealed_json
from pab_bench.store.failure_kinds import WORKER_KILLED
from pab_bench.store.lost_jobs import note_lost

_log = logging.getLogger(__name__)


def finish_sweep(directory: Path, grid: Grid, interrupted: bool) -> int:
    """Analyse a sweep's folder (or a single run's) and say where everything lies.

    A failure of the analysis is reported and hides nothing: the points are on disk, and
    `python -m analysis DIRECTORY` tries again.

    Args:
        directory: the folder of the run.
        grid: what was asked for.
        interrupted: whether the user has stopped it.

    Returns:
        0 if every job that was started is ok and all that is made of them is there, otherwise 1.
    """
    jobs = _job_folders(directory, grid)
    if not interrupted:
        for job in jobs:
            _note_if_killed(job)
    pointers = [job / "point.json" for job in jobs]
    statuses = Counter(_status(pointer) for pointer in pointers if pointer.exists())
    if not statuses:
        return 0
    # Deferred: pandas and matplotlib take seconds to import.
    from rich.markup import escape

    from analysis.build import build
    from pab_bench.text.terminal import console

    try:
        absent = list(build(directory, console()).failures)
    except Exception:  # Whatever goes wrong with a figure, the results stand.
        _log.exception("the analysis of %s failed; `python -m analysis` makes it again", directory)
        absent = ["summary, tables, figures and report"]
    _track(directory, grid)
    missing = 0 if grid.searches else len(grid.points) - statuses.total()
    if missing or statuses["failed"]:
        message = f"{statuses['ok']} of {statuses.total() + missing} points done"
        message += f", {statuses['failed']} failed" if statuses["failed"] else ""
        message += f", {missing} not made" if missing else ""
        console().print(f"{message}; the same command again makes the rest", highlight=False)
    if absent:
        message = f"missing: {', '.join(absent)}; `python -m analysis {directory}` tries again"
        console().print(escape(message), highlight=False, soft_wrap=True)
    return int(bool(statuses["failed"] or missing or absent))


def _status(pointer: Path) -> str:
    """What a job has said of its point; `failed` where nobody can read it any more."""
    try:
        return str(read_sealed_json(pointer, required=False)["status"])
    except (OSError, ValueError, KeyError) as error:
        _log.warning("%s cannot be used (%s)", pointer, error)
        return "failed"


def _track(directory: Path, grid: Grid) -> None:
    if not grid.points or grid.points[0].settings.tracking.name != "wandb":
        return
    from pab_bench.tracking.wandb import track_sweep

    settings = grid.points[0].settings
    track_sweep(directory, settings.tracking, settings.results_dir / "wandb")


def _job_folders(directory: Path, grid: Grid) -> list[Path]:
    if not directory.is_dir():  # Hydra has failed before the first job.
        return []
    if not grid.multirun:
        return [directory]
    return [path for path in directory.iterdir() if path.is_dir() and path.name.isdecimal()]


def _note_if_killed(job: Path) -> None:
    """A job that was started and has said nothing, not even that it failed, was killed."""
    if (job / "point.json").exists():
        return
    error = {
        "kind": WORKER_KILLED,
        "type": "WorkerKilled",
        "message": (
            "its process ended without a word: killed, out of memory, or stopped together with "
            "another worker that was"
        ),
    }
    note_lost(job, _overrides(job), error)


def _overrides(job: Path) -> list[str]:
    """What Hydra has written down about the job."""
    import yaml

    try:
        lines = yaml.safe_load((job / ".hydra" / "overrides.yaml").read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return []  # Killed before, or while, it was written; or it was changed since.
    return list(map(str, lines)) if isinstance(lines, list) else []
