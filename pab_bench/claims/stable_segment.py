"""Claim: between two phases of large change lies a stable segment; and where it really is.

The curve is the mean over blocks; its logarithm is averaged over videos and cut at change points
(`pab_bench.claims.segmentation`). The effect is by how much the lower one of the neighbouring
levels is above the stable one. Prompts are drawn again to see how firm the borders are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pab_bench.claims.definition import curves_of
from pab_bench.claims.finding import Finding, units_text
from pab_bench.claims.resampling import Floats, unit_means, weights
from pab_bench.claims.segmentation import Segmentation, segment
from pab_bench.claims.verdict import MINIMAL_LOG_RATIO, UNDECIDED, judge
from pab_bench.statistics.bootstrap import percentile_interval

RESAMPLES = 999
_CLAIM = "stable_segment"


def stable_segment(rows: pd.DataFrame, about: str) -> Finding:
    """The stable segment of one kind.

    Args:
        rows: of `differences`, one kind's.
        about: the kind's name.

    Returns:
        A finding whose `details` have the segment's `first_step` and `last_step` (both in it, with
        their intervals), their timesteps, and `threshold`: [low, high], both excluded, such that
        exactly the segment's timesteps lie between.
    """
    curves = curves_of(rows)
    positive = curves.to_numpy() > 0
    if not positive.all():
        steps = int((~positive.all(axis=1)).sum())
        reason = f"the difference is not positive at {steps} of {len(curves)} steps"
        return _no_segment(about, curves.shape[1], reason)
    logs, sizes, kind = unit_means(np.log(curves))
    found = segment(np.average(logs, axis=0, weights=sizes))
    units, videos = len(sizes), curves.shape[1]
    if not found.changes:
        return _no_segment(about, videos, "no change point: the whole curve is one segment")
    drawn = _draws(logs, sizes) if units > 1 else []
    interval = percentile_interval(np.array([d.rise for d in drawn])) if drawn else None
    verdict, reason = judge(interval, units, kind, MINIMAL_LOG_RATIO)
    return Finding(
        _CLAIM,
        about,
        verdict,
        found.rise,
        "log ratio",
        MINIMAL_LOG_RATIO,
        interval,
        videos=videos,
        units=units_text(units, kind),
        reason=reason,
        note=_missing_sides(found),
        details=_details(found, drawn, curves, _timesteps(rows)),
    )


def _no_segment(about: str, videos: int, reason: str) -> Finding:
    return Finding(
        _CLAIM,
        about,
        UNDECIDED,
        None,
        "log ratio",
        MINIMAL_LOG_RATIO,
        videos=videos,
        reason=reason,
    )


def _draws(logs: Floats, sizes: Floats) -> list[Segmentation]:
    """The segment of every resample; of few units the same are drawn often, and cut once."""
    shares = weights(len(sizes), RESAMPLES) * sizes
    distinct, which = np.unique(shares, axis=0, return_inverse=True)
    curves = distinct @ logs / distinct.sum(axis=1, keepdims=True)
    found = [segment(curve) for curve in curves]
    return [found[number] for number in which.ravel()]


def _missing_sides(found: Segmentation) -> str:
    notes = []
    if found.left is None:
        notes.append("it begins with the curve")
    if found.right is None:
        notes.append("it ends with the curve")
    return " and ".join(notes)


def _timesteps(rows: pd.DataFrame) -> pd.Series:
    return rows.drop_duplicates("step").sort_values("step").set_index("step")["timestep"]


def _details(
    found: Segmentation, drawn: list[Segmentation], curves: pd.DataFrame, times: pd.Series
) -> dict[str, Any]:
    steps = [int(step) for step in curves.index]
    first, last = steps[found.start], steps[found.stop - 1]
    timesteps = {step: int(times[step]) for step in steps}
    inside = {timesteps[step] for step in steps[found.start : found.stop]}
    low, high = min(inside) - 1, max(inside) + 1
    outside = [*steps[: found.start], *steps[found.stop :]]
    details: dict[str, Any] = {
        "first_step": first,
        "last_step": last,
        "timesteps": [timesteps[first], timesteps[last]],
        "threshold": [low, high],
        "other_steps_in_threshold": sum(low < timesteps[step] < high for step in outside),
        "change_points": [steps[place] for place in found.changes],
        "left_log_ratio": found.left,
        "right_log_ratio": found.right,
    }
    if drawn:
        details["first_step_interval"] = _ends([steps[d.start] for d in drawn])
        details["last_step_interval"] = _ends([steps[d.stop - 1] for d in drawn])
        for name in ("first", "last"):
            ends = details[f"{name}_step_interval"]
            details[f"{name}_timestep_interval"] = sorted(timesteps[step] for step in ends)
        sides: Mapping[str, list[bool]] = {
            "left": [d.left is not None for d in drawn],
            "right": [d.right is not None for d in drawn],
        }
        for side, bounded in sides.items():
            details[f"{side}_bounded_share"] = sum(bounded) / len(bounded)
    return details


def _ends(steps: list[int]) -> list[int]:
    """The percentile interval in whole steps, rounded outwards."""
    found = percentile_interval(np.array(steps, dtype=float))
    return [math.floor(found.low), math.ceil(found.high)]


def segments_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """The segments that were found, for the figure: see `analysis.figures.stable_segment`."""
    rows = []
    for finding in findings:
        details = finding.details
        if finding.claim == _CLAIM and "threshold" in details:
            row = {"kind": finding.about, "verdict": finding.verdict}
            for end in ("first", "last"):
                step = details[f"{end}_step"]
                low, high = details.get(f"{end}_step_interval", (step, step))
                row |= {end: step, f"{end}_low": low, f"{end}_high": high}
            rows.append(row)
    ends = [f"{end}{suffix}" for end in ("first", "last") for suffix in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["kind", "verdict", *ends])
