"""One grid point of a sweep: the point is got or made, and the job's folder points to it."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.errors import PabBenchError
from pab_bench.experiment.job import Job
from pab_bench.experiment.point import PointMaker
from pab_bench.store.atomic import write_json
from pab_bench.store.points import Store

_log = logging.getLogger(__name__)


class PointFailed(PabBenchError):
    """A point failed and the user asked to stop at the first failure."""


def run_job(settings: Settings, job: Job) -> dict[str, Any]:
    """Get or make the point of `settings` and write `point.json` into the job's folder.

    Returns:
        What was written: the point's id, whether it was cached, its status, error and overrides.

    Raises:
        PointFailed: if the point failed and `on_error` is `raise`.
    """
    name = " ".join(job.overrides) or "default settings"
    _log.info("job %d: %s", job.number, name)
    began = time.perf_counter()
    record, cached = PointMaker(settings, job.sweep_directory).get()
    done = "already there" if cached else f"{time.perf_counter() - began:.1f} s"
    _log.info("job %d: point %s %s (%s)", job.number, record.id, record.status, done)
    pointer = {
        "id": record.id,
        "cached": cached,
        "status": record.status,
        "error": dict(record.error) if record.error else None,
        "overrides": list(job.overrides),
        "store": os.path.relpath(settings.results_dir.resolve() / "points", job.sweep_directory),
    }
    write_json(job.directory / "point.json", pointer)
    if settings.tracking.name == "wandb":
        from pab_bench.tracking.wandb import track

        group = f"{job.sweep_directory.parent.name}/{job.sweep_directory.name}"
        folder = Store(settings.results_dir).folder(record.id)
        track(record, folder, group, settings.tracking, settings.results_dir / "wandb")
    if record.status == "failed" and settings.on_error == "raise":
        raise PointFailed(f"point {record.id}: {record.error}")
    return pointer
