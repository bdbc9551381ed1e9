"""Weights & Biases: one run per grid point and one per sweep, from what is kept on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.config.sections import TrackingSettings
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.tracking.sent import digest_of, sent
from pab_bench.tracking.wandb_content import (
    config_of,
    image,
    intervals_of,
    pictures_of,
    steps_of,
    summary_of,
)

if TYPE_CHECKING:
    from wandb import Run

_log = logging.getLogger(__name__)
_INIT_SECONDS = 60
_LOGIN_SECONDS = 5
_LARGEST_REPORT = 25_000_000
_STEP = "denoising_step"


def track(
    record: Record, folder: Path, group: str, settings: TrackingSettings, directory: Path
) -> None:
    """Send a point, and its baseline before it: configuration, numbers, curves and videos.

    The run's id is the point's, so that a resumed sweep continues the same run; what was sent
    already is not sent again. Whatever goes wrong here is a warning: tracking never harms a
    sweep. If an online run cannot be started, an offline one is, for `wandb sync`.

    Args:
        record: the point.
        folder: where its tables and videos lie, in a results folder's `points`.
        group: the sweep's name.
        settings: project, entity and mode (`offline` needs no account and no network).
        directory: where wandb keeps its files.
    """
    store = Store(folder.parents[1])
    try:
        baseline = store.load(record.baseline_id, verify=False) if record.baseline_id else None
        if baseline is not None:
            _track(baseline, None, store.folder(baseline.id), group, settings, directory)
        _track(record, baseline, folder, group, settings, directory)
    except Exception as error:  # An outage, a missing key, a full disk: the point is kept anyway.
        _log.warning("point %s was not sent to Weights & Biases: %s", record.id, error)


def track_sweep(sweep: Path, settings: TrackingSettings, directory: Path) -> None:
    """Send a sweep's summary, figures and report as a run of its own in the sweep's group.

    Whatever goes wrong here is a warning.

    Args:
        sweep: the sweep's folder, analysed.
        settings: as for `track`.
        directory: where wandb keeps its files.
    """
    try:
        _track_sweep(sweep, settings, directory)
    except Exception as error:
        _log.warning("%s was not sent to Weights & Biases: %s", sweep, error)


def _track(
    record: Record,
    baseline: Record | None,
    folder: Path,
    group: str,
    settings: TrackingSettings,
    directory: Path,
) -> None:
    digest = digest_of(folder)
    with sent(directory, record.id) as before:
        if before.digest == digest and group in before.groups:
            return
        now = before.with_group(group)
        job_type = "baseline" if record.is_baseline else "variant"
        tags = [str(record.model["name"]), record.status, job_type]
        if len(now.groups) > 1:
            tags.append(f"{len(now.groups)} sweeps")
        with _run(
            settings,
            directory,
            failed=not record.has_numbers,
            id=record.id,
            name=f"{job_type} {record.id[:8]}",
            group=now.groups[0],
            job_type=job_type,
            tags=tags,
            config={**config_of(record), "sweeps": list(now.groups)},
        ) as run:
            intervals = intervals_of(record, folder)
            run.summary.update(summary_of(record, folder, intervals))
            if baseline is not None:
                run.summary["baseline_run"] = f"{run.project}/{baseline.id}"
            if before.digest != digest:
                _log_steps(run, folder)
                run.log(_media(record, folder, intervals))
        now.remember(digest)


def _log_steps(run: Run, folder: Path) -> None:
    """A row of history per denoising step, which is the axis of its charts."""
    run.define_metric(_STEP)
    for name in ("step_seconds", "step_replayed", "attention_difference/*"):
        run.define_metric(name, step_metric=_STEP)
    for row in steps_of(folder).to_dict("records"):
        run.log({name: value for name, value in row.items() if value == value})


def _media(record: Record, folder: Path, intervals: Any) -> dict[str, Any]:
    """Tables, charts, pictures and videos."""
    import pandas as pd
    import wandb

    logged: dict[str, Any] = {}
    for name in ("curves", "metrics"):
        if (path := folder / f"{name}.parquet").exists():
            logged[name] = wandb.Table(dataframe=pd.read_parquet(path))
    if len(intervals):
        logged["metric_intervals"] = wandb.Table(dataframe=intervals)
    logged |= _curve_chart(folder)
    for name, content in pictures_of(record, folder).items():
        logged[name] = image(content)
    for video in sorted(folder.glob("videos/*.mp4")):
        logged[f"videos/{video.stem}"] = wandb.Video(str(video), format="mp4")
    return logged


def _curve_chart(folder: Path) -> dict[str, Any]:
    """The attention differences of all kinds in one custom chart."""
    import wandb

    steps = steps_of(folder)
    names = [name for name in steps if name.startswith("attention_difference/")]
    shown = steps.dropna(subset=names) if names else steps.iloc[:0]
    if shown.empty:
        return {}
    chart = wandb.plot.line_series(
        xs=[int(step) for step in shown[_STEP]],
        ys=[[float(value) for value in shown[name]] for name in names],
        keys=[name.partition("/")[2] for name in names],
        title="Attention difference (mean squared error to the previous step)",
        xname=_STEP,
    )
    return {"attention_difference_chart": chart}


def _track_sweep(sweep: Path, settings: TrackingSettings, directory: Path) -> None:
    import pandas as pd
    import wandb

    group = f"{sweep.parent.name}/{sweep.name}"
    identifier = hashlib.sha256(group.encode()).hexdigest()[:20]
    with _run(
        settings,
        directory,
        id=identifier,
        name=f"summary of {group}",
        group=group,
        job_type="sweep",
        tags=["sweep"],
        config={"sweep": group},
    ) as run:
        logged: dict[str, Any] = {}
        summary = sweep / "summary.parquet"
        if summary.exists():
            frame = pd.read_parquet(summary)
            logged["summary"] = wandb.Table(
                dataframe=frame.astype(object).where(frame.notna(), None)
            )
            run.summary["points"] = len(frame)
            run.summary["failed"] = int((frame["status"] == "failed").sum())
        for figure in sorted((sweep / "figures").glob("*.png")):
            logged[f"figures/{figure.stem}"] = wandb.Image(str(figure))
        report = sweep / "report.html"
        if report.exists() and report.stat().st_size <= _LARGEST_REPORT:
            logged["report"] = wandb.Html(str(report), inject=False)
        if logged:
            run.log(logged)


@contextmanager
def _run(
    settings: TrackingSettings, directory: Path, failed: bool = False, **about: Any
) -> Iterator[Run]:
    """A run that is finished at the end, as failed if its point is or if anything was raised."""
    import wandb

    directory.mkdir(parents=True, exist_ok=True)

    def start(mode: str) -> Run:
        return wandb.init(
            project=settings.project,
            entity=settings.entity,
            mode=mode,  # type: ignore[arg-type]
            dir=str(directory),
            resume="allow",
            reinit="finish_previous",
            settings=wandb.Settings(
                silent=True, init_timeout=_INIT_SECONDS, login_timeout=_LOGIN_SECONDS
            ),
            **about,
        )

    try:
        run = start(settings.mode)
    except Exception as error:
        if settings.mode == "offline":
            raise
        _log.warning("Weights & Biases: %s; kept offline, `wandb sync` sends it", error)
        run = start("offline")
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish(exit_code=int(failed))
