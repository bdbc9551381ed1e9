"""Claim: the difference is high in the first and last 15 % of the steps, low in the middle 70 %.

Source: PAB, arXiv 2408.12588, Figure 2. The effect is the mean over the arm's steps over the mean
over the middle's, as a logarithm, video by video. How steps are assigned to segments is said by
`analysis.segments.ROUNDING`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.segments import SEGMENTS, segment_of
from pab_bench.claims.definition import curves_of, sites_in
from pab_bench.claims.finding import Finding, from_log_ratio
from pab_bench.claims.verdict import FAILS, HOLDS, UNDECIDED, together
from pab_bench.statistics import compare

LogMeans = Mapping[tuple[Hashable, Hashable], float]
ARMS = {"left_arm": "first", "right_arm": "last"}


def segment_logs(curves: pd.DataFrame, calls: int) -> dict[str, LogMeans]:
    """Per segment and video the logarithm of the mean over the segment's steps.

    Args:
        curves: one row per step, one column per video.
        calls: transformer calls of one video, step 0 included.

    Returns:
        By segment, then by (prompt, seed); a video whose mean there is not positive is left out.
    """
    segments = [segment_of(int(step), calls) for step in curves.index]
    means = curves.groupby(segments).mean()
    return {
        segment: {
            (prompt, seed): math.log(value)
            for (prompt, seed), value in means.loc[segment].items()
            if value > 0
        }
        if segment in means.index
        else {}
        for segment in SEGMENTS
    }


def u_shape(rows: pd.DataFrame, calls: int, about: str) -> list[Finding]:
    """Both arms and the whole, of the curve averaged over blocks.

    Args:
        rows: of `differences`, one kind's.
        calls: transformer calls of one video, step 0 included.
        about: the kind's name.

    Returns:
        Findings on `left_arm`, `right_arm` and `u_shape`; the last one's effect is the smaller arm.
    """
    logs = segment_logs(curves_of(rows), calls)
    arms = [_arm(claim, logs[segment], logs["middle"], about) for claim, segment in ARMS.items()]
    known = [arm for arm in arms if arm.effect is not None]
    if len(known) < len(arms):
        absent = [arm for arm in arms if arm.effect is None]
        whole = replace(absent[0], claim="u_shape", verdict=together(a.verdict for a in arms))
    else:
        lower = min(known, key=lambda arm: arm.effect or 0.0)
        verdict = together(arm.verdict for arm in arms)
        undecided = [arm.reason for arm in arms if arm.verdict == UNDECIDED]
        reason = undecided[0] if verdict == UNDECIDED else ""
        whole = replace(lower, claim="u_shape", verdict=verdict, reason=reason)
    return [*arms, whole]


def with_blocks(findings: list[Finding], rows: pd.DataFrame, calls: int) -> list[Finding]:
    """The findings of `u_shape`, with the verdicts on every site of every block in `details`."""
    sites = {name: u_shape(part, calls, name) for name, part in sites_in(rows)}
    return [
        replace(finding, details=_details([own[place] for own in sites.values()]))
        for place, finding in enumerate(findings)
    ]


def _details(sites: list[Finding]) -> dict[str, Any]:
    by_verdict = {
        verdict: [site.about for site in sites if site.verdict == verdict]
        for verdict in (HOLDS, FAILS, UNDECIDED)
    }
    return {
        "blocks": {site.about: _short(site) for site in sites},
        "share_of_blocks": len(by_verdict[HOLDS]) / len(sites),
        "hold": by_verdict[HOLDS],
        "do_not_hold": by_verdict[FAILS],
        "undecided": by_verdict[UNDECIDED],
    }


def _short(site: Finding) -> dict[str, Any]:
    interval = None if site.interval is None else [site.interval.low, site.interval.high]
    return {"verdict": site.verdict, "effect": site.effect, "interval": interval}


def _arm(claim: str, arm: LogMeans, middle: LogMeans, about: str) -> Finding:
    ratios = {video: arm[video] - middle[video] for video in arm if video in middle}
    return from_log_ratio(claim, about, ratios, compare(arm, middle))
