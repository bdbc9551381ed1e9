"""One grid point of a sweep: the point is got or made, and the job's folder points to it."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from typing import Any

from pab_bench import progress
from pab_bench.config.hydra_files import without_places
from pab_bench.config.settings import Settings
from pab_bench.errors import PabBenchError
from pab_bench.experiment.device import take_gpu
from pab_bench.experiment.failures import describe
from pab_bench.experiment.point import Made, make_point
from pab_bench.files import write_sealed_json
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.tasks.flat_windows import with_windows
from pab_bench.tasks.job import Job
from pab_bench.tasks.objectives import needs_speed, objective_values

_log = logging.getLogger(__name__)


class PointFailed(PabBenchError):
    """A point failed and the user asked to stop at the first failure."""


def run_job(settings: Settings, job: Job) -> list[float | None] | float | None:
    """Get or make the point of `settings` and write `point.json` into the job's folder.

    Returns:
        The values of `objectives`, for a sweeper that optimises them: one number, or a list of
        several; None where there is none.

    Raises:
        PointFailed: if the point failed and `on_error` is `raise`.
    """
    if job.parallel:
        take_gpu(job.number)
    overrides = list(map(without_places, job.overrides))
    name = " ".join(overrides) or "default settings"
    _log.info("job %d: %s", job.number, name)
    began = time.perf_counter()
    pointer: dict[str, Any] = {"job": job.number, "overrides": overrides}
    try:
        settings = with_windows(settings, job.sweep_directory)
        made = make_point(settings, job.sweep_directory)
    except Exception as error:  # No point can be made; the job is a row nevertheless.
        pointer |= {"id": None, "cached": False, "status": "failed", "error": describe(error)}
        write_sealed_json(job.directory / "point.json", pointer)
        progress.current().point("failed", cached=False)
        raise
    record, cached = made.record, made.cached
    done = "already there" if cached else f"{time.perf_counter() - began:.1f} s"
    _log.info("job %d: point %s %s (%s)", job.number, record.id, record.status, done)
    pointer |= {
        "id": record.id,
        "cached": cached,
        "status": record.status,
        **({"found_windows": settings.found_windows} if settings.found_windows else {}),
        "error": dict(record.error) if record.error else None,
        "store": os.path.relpath(settings.results_dir.resolve() / "points", job.sweep_directory),
    }
    write_sealed_json(job.directory / "point.json", pointer)
    _time(made, settings)
    _track(record, settings, job)
    progress.current().point(record.status, cached)
    if record.status == "failed" and settings.on_error == "raise":
        raise PointFailed(f"point {record.id}: {record.error}")
    return objective_values(settings, record, made.baseline)


def _time(made: Made, settings: Settings) -> None:
    """Time a point's calls at once, where its speedup is asked for before the sweep is done."""
    if not made.record.has_numbers or not settings.speed.calls:
        return
    if settings.tracking.name == "wandb" or needs_speed(settings):
        from pab_bench.speed.points import time_points

        baseline = [] if made.baseline is None else [made.baseline]
        time_points(
            [replace(settings, speed=replace(settings.speed, turns=0))], [made.record, *baseline]
        )


def _track(record: Record, settings: Settings, job: Job) -> None:
    if settings.tracking.name != "wandb":
        return
    from pab_bench.tracking.wandb import track

    group = f"{job.sweep_directory.parent.name}/{job.sweep_directory.name}"
    folder = Store(settings.results_dir).folder(record.id)
    track(record, folder, group, settings.tracking, settings.results_dir / "wandb")
