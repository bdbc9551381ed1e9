"""Every comparison of a sweep's methods as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.metrics import MetricFacts
from analysis.rivals.entrants import Rivals
from pab_bench.statistics.bootstrap import Interval
from pab_bench.statistics.contest import Equal, Standing

SPEEDS = (1.25, 1.5, 2.0, 3.0)
"""At these gains quality is compared."""
QUALITIES: Mapping[str, Sequence[float]] = {
    "psnr_db": (45.0, 40.0, 35.0, 30.0, 25.0),
    "ssim": (0.999, 0.99, 0.98, 0.95, 0.9),
    "lpips": (0.0005, 0.002, 0.01, 0.05, 0.1),
}
"""At these values gains are compared. They are fixed, so that nobody picks a level that suits."""
COLUMNS = (
    *("baseline", "name", "axis", "metric", "equal", "level", "method", "settings", "value"),
    *("low", "high", "rank", "group", "first", "difference", "difference_low"),
    *("difference_high", "videos", "note"),
)


def standings_frame(rivals: Sequence[Rivals], metrics: Mapping[str, MetricFacts]) -> pd.DataFrame:
    """One row per baseline, metric, level and method; of those that do not reach it, why.

    Args:
        rivals: of each baseline.
        metrics: what the metrics are.

    Returns:
        Columns `COLUMNS`. `value` is the metric where the speed is equal, and the gain on `axis`
        where the quality is.
    """
    rows = []
    for own in rivals:
        for metric in own.metrics:
            contest = own.contest(metric, bool(metrics[metric].higher_is_better))
            levels: list[tuple[Equal, float]] = [("speed", level) for level in SPEEDS]
            levels += [("quality", level) for level in QUALITIES[metric]]
            head = {"baseline": own.baseline.id, "name": own.name, "axis": own.axis}
            for equal, level in levels:
                place = {**head, "metric": metric, "equal": equal, "level": level}
                for standing in contest.at(equal, level):
                    settings = len(own.entrants[standing.method])
                    rest = {"settings": settings, "videos": len(contest.videos)}
                    note = standing.reason or contest.note
                    rows.append({**place, **_numbers(standing), **rest, "note": note})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _numbers(standing: Standing) -> dict[str, Any]:
    return {
        "method": standing.method,
        "value": standing.value,
        **_ends("", standing.interval),
        "rank": standing.rank,
        "group": standing.group,
        "first": standing.first,
        "difference": standing.difference,
        **_ends("difference_", standing.difference_interval),
    }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    """Ends of an interval; one that is not known is missing."""
    if interval is None:
        return {f"{name}low": None, f"{name}high": None}
    # A gain of 0 stands for one that is not known; no metric is 0 to the last bit by chance.
    low = interval.low if np.isfinite(interval.low) and (name or interval.low != 0) else None
    high = interval.high if np.isfinite(interval.high) else None
    return {f"{name}low": low, f"{name}high": high}
