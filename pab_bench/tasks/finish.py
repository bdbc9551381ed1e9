"""What happens after the last job: summary, tables and figures from what is on disk."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path

from pab_bench.config.grid import Grid
from pab_bench.files import write_json
from pab_bench.store.failure_kinds import WORKER_KILLED

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
        0 if every job that was started is ok, otherwise 1.
    """
    jobs = _job_folders(directory, grid)
    if not interrupted:
        for job in jobs:
            _note_if_killed(job)
    pointers = [job / "point.json" for job in jobs]
    statuses = Counter(json.loads(p.read_text())["status"] for p in pointers if p.exists())
    if not statuses:
        return 0
    # Deferred: pandas and matplotlib take seconds to import.
    from analysis.build import build
    from pab_bench.text.terminal import console

    try:
        build(directory, console())
    except Exception:  # Whatever goes wrong with a figure, the results stand.
        _log.exception("the analysis of %s failed; `python -m analysis` makes it again", directory)
    _track(directory, grid)
    missing = 0 if grid.searches else len(grid.points) - statuses.total()
    if missing or statuses["failed"]:
        message = f"{statuses['ok']} of {statuses.total() + missing} points done"
        message += f", {statuses['failed']} failed" if statuses["failed"] else ""
        message += f", {missing} not made" if missing else ""
        console().print(f"{message}; the same command again makes the rest", highlight=False)
    return int(bool(statuses["failed"] or missing))


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
    pointer = job / "point.json"
    if pointer.exists():
        return
    error = {
        "kind": WORKER_KILLED,
        "type": "WorkerKilled",
        "message": (
            "its process ended without a word: killed, out of memory, or stopped together with "
            "another worker that was"
        ),
    }
    overrides = _overrides(job)
    failed = {"id": None, "cached": False, "status": "failed", "error": error}
    write_json(pointer, {**failed, "overrides": overrides})


def _overrides(job: Path) -> list[str]:
    """What Hydra has written down about the job."""
    import yaml

    try:
        lines = yaml.safe_load((job / ".hydra" / "overrides.yaml").read_text())
    except (OSError, yaml.YAMLError):  # Killed before, or while, it was written.
        return []
    return list(map(str, lines or []))
