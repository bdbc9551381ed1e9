"""Claim: the curve has the same shape for every prompt, and for every seed.

The effect is the mean rank correlation (Spearman) between the curves of pairs of videos that share
the seed but not the prompt, or the prompt but not the seed. How far apart the curves' levels are
is said beside it (coefficient of variation, median over steps): ranks do not see that.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from pab_bench.claims.definition import curves_of
from pab_bench.claims.finding import Finding, units_text
from pab_bench.claims.resampling import Floats, weights
from pab_bench.claims.verdict import MINIMAL_CORRELATION, UNDECIDED, judge
from pab_bench.statistics import Interval
from pab_bench.statistics.bootstrap import mean_interval, percentile_interval

RESAMPLES = 9999
Level = Literal["prompt", "seed"]


def stability(rows: pd.DataFrame, over: Level, about: str) -> Finding:
    """Whether one kind's curves agree between prompts, or between seeds.

    Args:
        rows: of `differences`, one kind's.
        over: what differs between the curves that are compared; the other is shared.
        about: the kind's name.
    """
    curves = curves_of(rows)
    fixed: Level = "seed" if over == "prompt" else "prompt"
    count = curves.columns.get_level_values(over).nunique()
    if count < 2:
        return _missing(over, about, curves.shape[1], f"n=1 {over}: there is nothing to compare")
    tables = [part.droplevel(fixed).T for _, part in curves.T.groupby(level=fixed) if len(part) > 1]
    agreements = [table.corr("spearman") for table in tables]
    pairs = [_pairs(agreement) for agreement in agreements]
    values = np.concatenate([pair[np.isfinite(pair)] for pair in pairs]) if pairs else np.array([])
    if not len(values):
        return _missing(over, about, curves.shape[1], "no two curves have ranks to compare")
    interval, units, kind = _interval(agreements, pairs, over, fixed)
    verdict, reason = judge(interval, units, kind, MINIMAL_CORRELATION)
    return Finding(
        f"{over}_stability",
        about,
        verdict,
        float(values.mean()),
        "rank correlation",
        MINIMAL_CORRELATION,
        interval,
        videos=curves.shape[1],
        units=units_text(units, kind),
        reason=reason,
        details=_details(tables, values),
    )


def _missing(over: Level, about: str, videos: int, reason: str) -> Finding:
    return Finding(
        f"{over}_stability",
        about,
        UNDECIDED,
        None,
        "rank correlation",
        MINIMAL_CORRELATION,
        videos=videos,
        reason=reason,
    )


def _pairs(agreement: pd.DataFrame) -> Floats:
    values = agreement.to_numpy(dtype=float)
    return np.array([values[i, j] for i, j in combinations(range(len(values)), 2)])


def _interval(
    agreements: list[pd.DataFrame], pairs: list[Floats], over: Level, fixed: Level
) -> tuple[Interval | None, int, str]:
    """The interval, on how many units it rests, and what a unit is.

    Prompts are drawn wherever there are several, as everywhere else. Between prompts that are
    compared with each other, a pair that was drawn twice is no new pair, and one of a prompt with
    itself is none.
    """
    if over == "seed" and len(pairs) > 1:
        means = np.array([[pair.mean()] for pair in pairs if np.isfinite(pair).all()])
        return (mean_interval(means) if len(means) > 1 else None), len(means), fixed
    together = pd.concat(agreements).groupby(level=0).mean()
    matrix = together.reindex(index=together.columns).to_numpy(dtype=float)
    if not np.isfinite(matrix).all():
        return None, len(matrix), over
    share = weights(len(matrix), RESAMPLES)
    same = share**2 @ np.ones(len(matrix))
    different = 1 - same
    between = np.einsum("bi,ij,bj->b", share, matrix, share) - share**2 @ np.diag(matrix)
    usable = different > 0  # Draws of one and the same unit have no pair.
    return percentile_interval(between[usable] / different[usable]), len(matrix), over


def _details(tables: list[pd.DataFrame], values: Floats) -> dict[str, Any]:
    variation = [(table.std(axis=1) / table.mean(axis=1)).median() for table in tables]
    return {
        "pairs": len(values),
        "lowest_correlation": float(values.min()),
        "coefficient_of_variation": float(np.mean(variation)),
    }
