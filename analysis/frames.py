"""Tables that figures need and that span several points."""

from __future__ import annotations

import pandas as pd

from analysis.errors import NothingToShow
from analysis.points import Point, Sweep
from analysis.segments import segment_means
from analysis.summary import QUALITY

KINDS = ("spatial", "temporal", "cross", "mlp")


def reuse_shares(sweep: Sweep) -> pd.DataFrame:
    """Columns job, kind (also `all`), share: what part of the module calls is reused."""
    rows = [
        {"job": job.number, "kind": kind, "share": point.value("plan", "reuse_share", kind)}
        for job, point in sweep.finished
        for kind in (*KINDS, "all")
    ]
    return pd.DataFrame(rows, columns=["job", "kind", "share"]).astype({"share": "float64"})


def video_metrics(sweep: Sweep) -> pd.DataFrame:
    """Columns job, prompt, seed, metric, value: one value per video.

    A metric of whole videos (frame -1) is taken as it is, others are averaged over the frames.
    """
    parts = []
    for job, point in sweep.finished:
        rows = point.table("metrics")
        whole = rows[rows["frame"] < 0]
        single = rows[(rows["frame"] >= 0) & ~rows["metric"].isin(whole["metric"].unique())]
        means = pd.concat([whole, single]).groupby(["prompt", "seed", "metric"])["value"].mean()
        parts.append(means.reset_index().assign(job=job.number))
    if not parts:
        raise NothingToShow("no finished job")
    return pd.concat(parts, ignore_index=True)


def directions(sweep: Sweep) -> dict[str, bool | None]:
    """Per quality metric whether higher is better; None where the records do not say."""
    found: dict[str, bool | None] = dict.fromkeys(QUALITY)
    for _, point in sweep.finished:
        for name in QUALITY:
            value = point.value("quality", name, "higher_is_better")
            found[name] = found[name] if value is None else bool(value)
    return found


def baseline_name(point: Point) -> str:
    """The model and the number of steps, for titles."""
    name = f"{point.value('model', 'name') or point.id}, {point.value('config', 'steps')} steps"
    guidance = point.value("config", "guidance")
    return name if guidance is None else f"{name}, guidance {guidance:g}"


def calls(point: Point, curves: pd.DataFrame) -> int:
    """Transformer calls of one video, step 0 included."""
    return int(point.value("plan", "calls") or curves["step"].max() + 1)


def segments_frame(sweep: Sweep) -> pd.DataFrame:
    """`segment_means` of every baseline of the sweep, with its id and name.

    Raises:
        NothingToShow: no baseline has attention differences.
    """
    parts = []
    for point in sweep.baselines:
        try:
            curves = point.table("curves")
        except NothingToShow:
            continue
        means = segment_means(curves, calls(point, curves))
        means.insert(0, "baseline", point.id)
        means.insert(1, "model", point.value("model", "name"))
        means.insert(2, "steps", point.value("config", "steps"))
        parts.append(means)
    if not parts:
        raise NothingToShow("no finished baseline with attention differences")
    return pd.concat(parts, ignore_index=True)
