"""Which call and block computes or reuses, or the share of videos that do, a byte each."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.schedule import groups, heading, shares, videos_of
from analysis.figures.selection import evenly
from analysis.report.videos import MOST_POINTS

_WHOLE = 255


def schedules_content(data: SweepData) -> dict[str, Any]:
    """By job the plan's tables, of at most 24 points that reuse something."""
    jobs = {
        job.number: point
        for job, point in data.sweep.finished
        if point.value("plan", "reuse_share", "all")
    }
    found = {}
    for number in evenly(list(jobs), MOST_POINTS):
        try:
            found[str(number)] = _packed(jobs[number].table("plan"))
        except NothingToShow:
            continue
    return found


def _packed(plan: pd.DataFrame) -> dict[str, Any]:
    times = plan.drop_duplicates("call").sort_values("call")
    present = groups(plan)
    tables = []
    for kind, branch in present:
        part = plan[(plan["kind"] == kind) & (plan["branch"] == branch)]
        reuse = shares(part)
        levels = np.round(reuse.ravel() * _WHOLE).astype(np.uint8)
        tables.append(
            {
                "kind": kind,
                "heading": heading(kind, branch, present),
                "depth": int(reuse.shape[0]),
                "shares": base64.b64encode(levels.tobytes()).decode("ascii"),
            }
        )
    return {
        "timesteps": [int(t) for t in times["timestep"]],
        "videos": videos_of(plan),
        "tables": tables,
    }
