"""One row per job: what was asked for, what it cost, what came out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.method_text import method_texts
from analysis.metrics import MetricFacts, metrics_of
from analysis.points import Job, Sweep
from analysis.rules_text import rules_texts
from analysis.speeds import JobSpeed, speed_numbers, speeds_of

BEFORE = ("job", "point", "status", "model")
NUMBERS = (
    "reuse_share",
    "encode_s",
    "denoise_s",
    "decode_s",
    "baseline_denoise_s",
    "speedup",
    "speedup_low",
    "speedup_high",
    "bound",
    "efficiency",
    "videos_speedup",
    "videos_speedup_low",
    "videos_speedup_high",
    "replayed_share",
    "peak_cache_bytes",
)
AFTER = ("speed_fault", "videos", "origin", "error")


def sweep_metrics(sweep: Sweep) -> dict[str, MetricFacts]:
    """The metrics of a sweep's points and baselines, in the order in which they are shown."""
    return metrics_of([*(point for _, point in sweep.finished), *sweep.baselines])


def swept_columns(sweep: Sweep) -> dict[str, str]:
    """The override keys whose value differs between jobs -> their column in the summary.

    A key that has the name of another column (such as `model`) gets the suffix `_override`.
    """
    known = [job.overrides for job in sweep.jobs if job.overrides is not None]
    keys = sorted({key for overrides in known for key in overrides})
    varying = [key for key in keys if len({overrides.get(key) for overrides in known}) > 1]
    taken = {*BEFORE, "rules", *NUMBERS, *AFTER}
    return {key: f"{key}_override" if key in taken else key for key in varying}


def summary_frame(sweep: Sweep, speeds: Mapping[int, JobSpeed] | None = None) -> pd.DataFrame:
    """The sweep as a table, one row per job.

    A number that was not measured is missing (never 0), also in rows of jobs that failed or are
    not finished. `speedup` is the baseline's denoising time over the point's, from calls that were
    timed in turns, with the ends of its 95 % interval; `bound` is what it was if reusing took no
    time, by the time of each kind, `efficiency` the speedup over it, `videos_speedup` that of whole
    videos in turns, and `speed_fault` what cannot be true of it. `denoise_s` is of one video, by
    the same calls; `encode_s` and `decode_s` are medians of what was sampled. `replayed_share` of
    the point's steps were another point's. `origin` is the archive that a point came in, if it was
    not made in its store. Every quality metric is a column; one that needs no reference has the
    baseline's value beside it (`baseline_<metric>`).

    Args:
        sweep: the jobs.
        speeds: `speeds_of` it, where they are known.
    """
    metrics = sweep_metrics(sweep)
    speeds = speeds_of(sweep) if speeds is None else speeds
    swept = swept_columns(sweep)
    rules = rules_texts(
        [job.point.value("config", "rules") if job.point else None for job in sweep.jobs]
    )
    methods = method_texts(
        [job.point.value("config", "method") if job.point else None for job in sweep.jobs]
    )
    rows = [
        {
            **_row(job, metrics),
            **speed_numbers(speeds.get(job.number), bool(job.point and job.point.is_baseline)),
            "rules": text if method is None else method,
            **{column: (job.overrides or {}).get(key) for key, column in swept.items()},
        }
        for job, text, method in zip(sweep.jobs, rules, methods, strict=True)
    ]
    baselines = [_of_baseline(name) for name, facts in metrics.items() if not facts.needs_reference]
    numbers = [*NUMBERS, *metrics, *baselines]
    frame = pd.DataFrame(rows, columns=[*BEFORE, *swept.values(), "rules", *numbers, *AFTER])
    frame = frame.astype(dict.fromkeys(numbers, "float64") | {"videos": "Int64"})
    for column in swept.values():
        frame[column] = _as_numbers(frame[column])
    return frame


def _of_baseline(metric: str) -> str:
    return f"baseline_{metric}"


def _row(job: Job, metrics: Mapping[str, MetricFacts]) -> dict[str, object]:
    row: dict[str, object] = {"job": job.number, "point": job.point_id, "status": job.status}
    row["error"] = job.error
    if job.point is None:
        return row
    row["model"] = job.point.value("model", "name")
    row["origin"] = job.point.origin
    if not job.has_numbers:
        return row
    row["videos"] = len(job.point.value("prompts") or ()) * len(job.point.value("seeds") or ())
    row["reuse_share"] = job.point.value("plan", "reuse_share", "all")
    row["replayed_share"] = job.point.value("timing", "denoise_s", "replayed_share")
    for stage in ("encode_s", "decode_s"):
        row[stage] = job.point.value("timing", stage, "median")
    row["peak_cache_bytes"] = job.point.value("peak_cache_bytes")
    for name in metrics:
        row[name] = job.point.value("quality", name, "value")
    if job.baseline is not None:
        for name, facts in metrics.items():
            if not facts.needs_reference:
                row[_of_baseline(name)] = job.baseline.value("quality", name, "value")
    return row


def _as_numbers(column: pd.Series) -> pd.Series:
    """The column as numbers where every value that is there is one, else unchanged."""
    present = column.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    if numbers.isna().any() or present.empty:
        return column
    whole = all(float(value).is_integer() and "." not in str(value) for value in present)
    return pd.to_numeric(column).astype("Int64" if whole else "float64")
