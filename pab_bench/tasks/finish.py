"""What happens after the last job: summary, tables and figures from what is on disk."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.files import read_sealed_json
from pab_bench.names import WITH_NUMBERS
from pab_bench.store.failure_kinds import WORKER_KILLED
from pab_bench.store.lost_jobs import note_lost
from pab_bench.store.points import Store

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
    if not interrupted:
        time_speeds(pointers, [point.settings for point in grid.points])
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
        done = sum(statuses[status] for status in WITH_NUMBERS)
        message = f"{done} of {statuses.total() + missing} points done"
        message += f", {statuses['failed']} failed" if statuses["failed"] else ""
        message += f", {missing} not made" if missing else ""
        console().print(f"{message}; the same command again makes the rest", highlight=False)
    if nothing := statuses["reused_nothing"]:
        points = "point has" if nothing == 1 else "points have"
        message = f"{nothing} {points} reused nothing: what was asked for has had no effect"
        console().print(message, highlight=False)
    if absent:
        message = f"missing: {', '.join(absent)}; `python -m analysis {directory}` tries again"
        console().print(escape(message), highlight=False, soft_wrap=True)
    return int(bool(statuses["failed"] or missing or absent))


def time_speeds(pointers: Sequence[Path], points: Sequence[Settings]) -> None:
    """Time the calls of what the finished points of a run did, in turns, if the settings say so.

    What goes wrong is told, and costs nothing but the speedups.

    Args:
        pointers: the jobs' files that name their points.
        points: the settings of the run.
    """
    settings = [point for point in points if point.speed.calls or point.speed.turns]
    if not settings:
        return
    from pab_bench.speed.points import time_points

    store = Store(settings[0].results_dir)
    wanted = dict.fromkeys(_finished(pointers))
    records = [record for name in wanted if (record := store.load(name, verify=False)) is not None]
    baselines = {record.baseline_id for record in records} - {*wanted, None}
    records += [b for name in baselines if (b := store.load(str(name), verify=False)) is not None]
    try:
        time_points(settings, records)
    except Exception:  # A device that is not here; whatever it is, the results stand.
        _log.exception("calls could not be timed")


def _finished(pointers: Sequence[Path]) -> Iterator[str]:
    """The points that jobs have made, or found."""
    for pointer in pointers:
        if pointer.exists() and _status(pointer) in WITH_NUMBERS:
            yield str(read_sealed_json(pointer, required=False)["id"])


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
