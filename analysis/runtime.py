"""Where the time of sampling goes, and how much of what a plan saves is really gained."""

from __future__ import annotations

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.points import Point

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
STAGES = {"encode_s": "Text encoder", "denoise_s": "Denoising", "decode_s": "Decoder"}
"""Likewise of `generation_frame`."""

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


def generation_frame(data: SweepData) -> pd.DataFrame:
    """One row per baseline and point whose calls were timed: seconds of every stage of a video.

    Denoising is that of the timed calls, text encoding and decoding are medians of what was
    sampled. What was not measured is missing.

    Returns:
        Columns label and those of `STAGES`. Each baseline's row comes before those of the points
        that are compared with it.

    Raises:
        NothingToShow: no calls were timed.
    """
    frames = []
    known = data.finished[data.finished["denoise_s"].notna()].set_index("job", drop=False)
    for baseline in data.sweep.baselines:
        rows = known.loc[known.index.intersection(list(data.compared(baseline)))]
        own = [job.number for job, point in data.sweep.finished if point.id == baseline.id]
        seconds = known.loc[known.index.intersection([*own, *rows.index]), "baseline_denoise_s"]
        if seconds.empty:
            continue
        first = {"label": "nothing reused", "denoise_s": seconds.iloc[0]}
        first |= {stage: _median(baseline, stage) for stage in ("encode_s", "decode_s")}
        frames += [pd.DataFrame([first]), rows]
    if not frames:
        raise NothingToShow("no calls were timed, so that the time of denoising is not known")
    found = pd.concat(frames, ignore_index=True)[["label", *STAGES]]
    return found.astype(dict.fromkeys(STAGES, "float64"))


def efficiency_frame(data: SweepData) -> pd.DataFrame:
    """Measured speedup of denoising against what the plan allows, one row per job.

    Returns:
        Columns job, label, speedup, low, high (its 95 % interval), bound_by_time,
        efficiency_by_time, bound_by_flops, efficiency_by_flops, fault (what cannot be true, or
        empty). A bound is the speedup if reusing took no time: `bound_by_time` from the time of
        each kind in the baseline's calls, `bound_by_flops` from predicted operations.

    Raises:
        NothingToShow: no job has a bound.
    """
    rows = []
    finished = {job.number: (job, point) for job, point in data.sweep.finished}
    for row in data.need_finished().to_dict("records"):
        job, point = finished[row["job"]]
        if job.baseline is None or point.id == job.baseline.id:
            continue
        found = data.speeds[job.number]
        bound = None if found.speed is None else found.speed.bound
        bounds = {"time": None if bound is None else bound.value, "flops": found.operations}
        entry = {"job": row["job"], "label": row["label"], "speedup": row["speedup"]}
        entry |= {"low": row["speedup_low"], "high": row["speedup_high"]}
        for name, value in bounds.items():
            entry[f"bound_by_{name}"] = value
            entry[f"efficiency_by_{name}"] = None if value is None else row["speedup"] / value
        rows.append({**entry, "fault": "; ".join(found.faults)})
    if not any(row["bound_by_time"] or row["bound_by_flops"] for row in rows):
        raise NothingToShow("no point with timed calls or a predicted cost")
    return pd.DataFrame(rows)
