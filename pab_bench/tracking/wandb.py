"""Weights & Biases: one run per grid point, from what is kept of it on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from pab_bench.config.settings import TrackingSettings
from pab_bench.store.records import Record

_log = logging.getLogger(__name__)


def track(
    record: Record, folder: Path, group: str, settings: TrackingSettings, directory: Path
) -> None:
    """Send a point: configuration, metrics, step times, curves and videos.

    The run's id is the point's, so that a resumed sweep continues the same run. Whatever goes
    wrong here is a warning: tracking never harms a sweep.

    Args:
        record: the point.
        folder: where its tables and videos lie.
        group: the sweep's name.
        settings: project, entity and mode (`offline` needs no account and no network).
        directory: where wandb keeps its files.
    """
    try:
        _track(record, folder, group, settings, directory)
    except Exception as error:  # An outage, a missing key, a full disk: the point is kept anyway.
        _log.warning("point %s was not sent to Weights & Biases: %s", record.id, error)


def _track(
    record: Record, folder: Path, group: str, settings: TrackingSettings, directory: Path
) -> None:
    import pandas as pd
    import wandb

    directory.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        mode=settings.mode,  # type: ignore[arg-type]
        dir=str(directory),
        id=record.id,
        resume="allow",
        group=group,
        job_type="baseline" if record.is_baseline else "variant",
        tags=[str(record.model["name"]), record.status],
        config={**record.config, "baseline_id": record.baseline_id, **record.provenance},
        reinit="finish_previous",
        settings=wandb.Settings(silent=True),
    )
    try:
        run.summary.update(_summary(record))
        steps = folder / "steps.parquet"
        if steps.exists():
            seconds = pd.read_parquet(steps).groupby("step")["seconds"].median()
            for step, value in seconds.items():
                run.log({"denoising_step": int(step), "step_seconds": float(value)})
        logged: dict[str, Any] = {}
        for name in ("curves", "metrics"):
            if (path := folder / f"{name}.parquet").exists():
                logged[name] = wandb.Table(dataframe=pd.read_parquet(path))
        for video in sorted(folder.glob("videos/*.mp4")):
            logged[f"videos/{video.stem}"] = wandb.Video(str(video), format="mp4")
        if logged:
            run.log(logged)
    finally:
        run.finish(exit_code=0 if record.status == "ok" else 1)


def _summary(record: Record) -> dict[str, Any]:
    values: dict[str, Any] = {"status": record.status, "peak_cache_bytes": record.peak_cache_bytes}
    values |= {name: value["value"] for name, value in record.quality.items()}
    values |= {stage: times["median"] for stage, times in record.timing.items()}
    shares = record.plan.get("reuse_share", {})
    values |= {f"reuse_share/{kind}": share for kind, share in shares.items()}
    if record.error:
        values["error"] = f"{record.error['type']}: {record.error['message']}"
    return {name: value for name, value in values.items() if value is not None}
