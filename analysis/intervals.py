"""95 % intervals of every job's metrics; the statistics are those of `pab_bench.statistics`."""

from __future__ import annotations

from collections.abc import Mapping, Sized

import numpy as np
import pandas as pd

from pab_bench.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED, mean_interval
from pab_bench.statistics.samples import units_of
from pab_bench.statistics.summary import FEW, few

_FEWEST_RESAMPLES = 999
_FULL = 2_000
"""With more sets than these, each is drawn less often, so that thousands of jobs stay cheap."""


def resamples_for(sets: int) -> int:
    """How often each of so many sets is drawn.

    >>> resamples_for(10), resamples_for(4_000), resamples_for(100_000)
    (9999, 4999, 999)
    """
    return max(_FEWEST_RESAMPLES, min(RESAMPLES, RESAMPLES * _FULL // max(sets, 1)))


def intervals_frame(
    videos: pd.DataFrame, same: Mapping[int, Mapping[int, int]] | None = None
) -> pd.DataFrame:
    """Mean and interval of every job and metric.

    Args:
        videos: columns job, prompt, seed, metric, value, one row per video; values that are not
            finite are left out.
        same: by job, the prompts that are the same video as an earlier one; they are drawn as one.

    Returns:
        Columns job, metric, mean, low, high (missing with fewer than two units to draw from), n
        (videos), and `note`, what limits the interval.
    """
    known = videos[np.isfinite(videos["value"])].sort_values(["job", "metric"], kind="stable")
    # Plain lists: thousands of small tables would take seconds.
    places = list(zip(known["prompt"].tolist(), known["seed"].tolist(), strict=True))
    keys = list(zip(known["job"].tolist(), known["metric"].tolist(), strict=True))
    numbers = known["value"].to_numpy()
    starts = [at for at, key in enumerate(keys) if at == 0 or key != keys[at - 1]]
    resamples = resamples_for(len(starts))
    rows = []
    for start, end in zip(starts, [*starts, len(keys)][1:], strict=True):
        job, metric = keys[start]
        values = numbers[start:end]
        own = (same or {}).get(job, {})
        units, kind = units_of(dict(zip(places[start:end], values.tolist(), strict=True)), own)
        ends = mean_interval(units, resamples=resamples) if len(units) > 1 else None
        low, high = (ends.low, ends.high) if ends else (None, None)
        note = "; ".join(filter(None, (few(units, kind), repeats(own))))
        rows.append((job, metric, values.mean(), low, high, len(values), note))
    frame = pd.DataFrame(rows, columns=["job", "metric", "mean", "low", "high", "n", "note"])
    return frame.astype({"mean": "float64", "low": "float64", "high": "float64"})


def repeats(same: Sized) -> str:
    """What prompts that are the same video mean for an interval; empty without any."""
    if not same:
        return ""
    prompts = "prompt is" if len(same) == 1 else "prompts are"
    return f"{len(same)} {prompts} the same video as another, and counted with it"


def definition(intervals: pd.DataFrame) -> list[str]:
    """What the intervals are and what limits them, as sentences; nothing without intervals."""
    if not intervals["low"].notna().any():
        return []
    text = (
        f"Intervals: {CONFIDENCE:.0%} BCa bootstrap of the mean, "
        f"{resamples_for(len(intervals))} resamples, seed {SEED}; prompts are drawn, each with all "
        "its seeds, or, of a single prompt, its seeds."
    )
    same = intervals["note"].str.contains("the same video").any()
    if same:
        text += " Prompts in which the model reads the same tokens are one prompt."
    if intervals["note"].str.contains("too narrow").any():
        text += f" With fewer than {FEW} to draw from, an interval is too narrow."
    return [text]
