"""Where the time of sampling goes, and how much of what a plan saves is really gained."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.points import Point
from pab_bench.engine.kinds import KINDS

PARTS = {
    "encode_s": "Text encoder",
    "attention_s": "Attention itself",
    "around_attention_s": "Around attention",
    "mlp_s": "MLP",
    "rest_s": "Rest of the transformer",
    "sampler_s": "Scheduler, guidance",
    "decode_s": "Decoder",
}
"""Columns of `runtime_frame` and what they are, in the order in which they are shown."""

_NOT_TIMED = "no point was timed part by part; measure=latency (measure.parts=true) does it"


def runtime_frame(data: SweepData) -> pd.DataFrame:
    """One row per baseline and point that was timed part by part: its median seconds per video.

    Returns:
        Columns label, baseline (its id) and those of `PARTS`. Each baseline's row comes before
        those of the points that are compared with it.

    Raises:
        NothingToShow: none was.
    """
    rows = []
    for baseline in data.sweep.baselines:
        own = _parts(baseline)
        if own is None:
            continue
        rows.append({"label": "nothing reused", "baseline": baseline.id, **own})
        for number, point in data.compared(baseline).items():
            theirs = _parts(point)
            if theirs is not None:
                rows.append({"label": data.labels[number], "baseline": baseline.id, **theirs})
    if not rows:
        raise NothingToShow(_NOT_TIMED)
    return pd.DataFrame(rows)


def _parts(point: Point) -> dict[str, float] | None:
    times = {stage: _median(point, stage) for stage in (*PARTS, "denoise_s", "transformer_s")}
    if times["attention_s"] is None or times["transformer_s"] is None:
        return None
    # The clocks around every site slow a run down a little, so that nothing may be left.
    times["sampler_s"] = max((times["denoise_s"] or 0) - times["transformer_s"], 0.0)
    return {stage: times[stage] or 0.0 for stage in PARTS}


def _median(point: Point, stage: str) -> float | None:
    value: float | None = point.value("timing", stage, "median")
    return value


def efficiency_frame(data: SweepData) -> pd.DataFrame:
    """Measured speedup of denoising against what the plan allows, one row per job.

    Returns:
        Columns job, label, speedup, bound_by_time, efficiency_by_time, bound_by_flops,
        efficiency_by_flops. A bound is the speedup if reusing took no time: `bound_by_time` from
        the baseline's time of each kind at each call, `bound_by_flops` from predicted operations.

    Raises:
        NothingToShow: no job has a bound.
    """
    rows = []
    finished = {job.number: (job, point) for job, point in data.sweep.finished}
    for row in data.need_finished().to_dict("records"):
        job, point = finished[row["job"]]
        if job.baseline is None or point.id == job.baseline.id:
            continue
        ratio = point.value("cost", "flops_ratio")
        bounds = {
            "time": _bound_by_time(job.baseline, point),
            "flops": None if ratio is None else 1 / ratio,
        }
        entry = {"job": row["job"], "label": row["label"], "speedup": row["speedup"]}
        for name, bound in bounds.items():
            entry[f"bound_by_{name}"] = bound
            entry[f"efficiency_by_{name}"] = None if bound is None else row["speedup"] / bound
        rows.append(entry)
    if not any(row["bound_by_time"] or row["bound_by_flops"] for row in rows):
        raise NothingToShow("no point with a predicted cost or a baseline timed part by part")
    return pd.DataFrame(rows)


def _bound_by_time(baseline: Point, point: Point) -> float | None:
    whole, transformer = _median(baseline, "denoise_s"), _median(baseline, "transformer_s")
    if whole is None or transformer is None:
        return None
    seconds = baseline.table("steps").groupby("step")[[f"{kind}_s" for kind in KINDS]].mean()
    shares = _reuse_shares(point.table("plan"))
    saved = sum(
        float((seconds[f"{kind}_s"].to_numpy() * share.to_numpy()).sum())
        for kind, share in shares.items()
    )
    return max(whole, transformer) / (max(whole, transformer) - saved)


def _reuse_shares(plan: pd.DataFrame) -> Mapping[str, pd.Series]:
    """Per kind and call, the share of the sites that reuse."""
    shares = plan.groupby(["kind", "call"])["reuse"].mean()
    return {str(kind): shares[kind].sort_index() for kind in shares.index.levels[0]}
