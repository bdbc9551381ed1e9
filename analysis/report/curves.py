"""The attention differences of each baseline, as the report's interactive chart needs them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.attention_difference import BAND, per_video, tensor_rows
from analysis.figures.style import KIND_NAMES
from analysis.frames import baseline_name, calls
from analysis.points import Point
from analysis.report.numbers import shorts
from analysis.segments import SEGMENTS, segment_of

MEASURES = {
    "mse": "mean squared error to the previous step",
    "mse_over_energy": "mean squared error / energy of the output",
    "relative_l1": "relative L1 difference",
}
_TENSORS = {"ungated": "before the gate", "gated": "after the gate"}
_MOST = 6


def curves_content(data: SweepData) -> list[dict[str, Any]]:
    """One entry per baseline with recorded curves, at most six."""
    found: list[dict[str, Any]] = []
    for baseline in data.sweep.baselines:
        try:
            curves = data.curves(baseline)
        except NothingToShow:
            continue
        if len(found) < _MOST:
            found.append(_baseline(data, baseline, curves))
    return found


def _baseline(data: SweepData, baseline: Point, curves: pd.DataFrame) -> dict[str, Any]:
    count = calls(baseline, curves)
    times = curves.drop_duplicates("step").sort_values("step")
    steps = [int(step) for step in times["step"]]
    control = data.control(baseline)
    first = [step for step in steps if segment_of(step, count) == SEGMENTS[0]]
    last = [step for step in steps if segment_of(step, count) == SEGMENTS[2]]
    lines = [
        line
        for tensor in _TENSORS
        if (curves["tensor"] == tensor).any()
        for line in _lines(curves, control, tensor, steps)
    ]
    return {
        "id": baseline.id,
        "name": baseline_name(baseline),
        "calls": count,
        "steps": steps,
        "timesteps": [int(t) for t in times["timestep"]],
        "videos": len(curves.drop_duplicates(["prompt", "seed"])),
        "first": max(first, default=None),
        "last": min(last, default=None),
        "lines": lines,
    }


def _lines(
    curves: pd.DataFrame, control: pd.DataFrame | None, tensor: str, steps: list[int]
) -> list[dict[str, Any]]:
    rows = tensor_rows(curves, tensor)
    others = None if control is None else tensor_rows(control, tensor)
    found = []
    for kind, name in KIND_NAMES.items():
        part = rows[rows["kind"] == kind]
        for measure in MEASURES if len(part) else ():
            values = per_video(part, measure).reindex(steps)
            line = {
                "kind": kind,
                "label": name,
                "tensor": _TENSORS[tensor],
                "measure": MEASURES[measure],
                "mean": shorts(values.mean(axis=1)),
                "low": shorts(values.quantile(BAND[0], axis=1)),
                "high": shorts(values.quantile(BAND[1], axis=1)),
            }
            if others is not None:
                random = per_video(others[others["kind"] == kind], measure).reindex(steps)
                line["control"] = shorts(random.mean(axis=1))
            found.append(line)
    return found
