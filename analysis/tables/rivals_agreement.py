"""Whether methods are in the same order on different models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.metrics import MetricFacts
from analysis.rivals.entrants import Rivals, rivals_of
from analysis.rivals.standings import SPEEDS
from analysis.tables.write import MadeTable, TextTable
from pab_bench.statistics.agreement import rank_correlation
from pab_bench.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

LEAST = 4
"""Methods that must be on both models: of fewer, orders agree by chance too often."""
_HEADERS = (
    *("metric", "equal", "baseline", "other baseline", "methods"),
    f"rank correlation [{CONFIDENCE:.0%}]",
)
_NUMERIC = (False, False, False, False, True, True)


def rivals_agreement_table(data: SweepData) -> MadeTable:
    """Spearman's correlation of the methods' quality at equal speed, for every two baselines.

    Raises:
        NothingToShow: no two baselines share so many methods at a speed.
    """
    return agreement_table(rivals_of(data), data.metrics)


def agreement_table(rivals: list[Rivals], metrics: Mapping[str, MetricFacts]) -> MadeTable:
    """As `rivals_agreement_table`, of rivals that may be from several sweeps.

    Args:
        rivals: of each baseline.
        metrics: what the metrics are.

    Raises:
        NothingToShow: no two baselines share so many methods at a speed.
    """
    rows = list(_rows(metrics, rivals))
    if not rows:
        raise NothingToShow(f"no two baselines have {LEAST} methods that reach the same speed")
    frame = pd.DataFrame(rows)
    cells = [
        [
            metrics[row["metric"]].label,
            f"{row['level']:g}x {'speedup' if row['axis'] == 'speedup' else 'fewer operations'}",
            row["first"],
            row["second"],
            str(len(row["methods"].split())),
            _text(row),
        ]
        for row in rows
    ]
    return MadeTable(TextTable(_HEADERS, cells, _NUMERIC, _NOTES), csv_text(frame))


_NOTES = (
    "Spearman's correlation between the quality of methods on two models where all have the same "
    "gain, each between its own settings: 1 is the same order, 0 none, -1 the reverse.",
    f"Intervals: {CONFIDENCE:.0%} percentile bootstrap, {RESAMPLES} resamples, seeds {SEED} and "
    f"{SEED + 1}: of each model the prompts are drawn, for all of its methods at once. Which "
    "methods and which models there are is not drawn, so that it says nothing about others; with "
    "few prompts an interval is too narrow, and of few methods a high correlation may be chance "
    f"({LEAST} methods are in one order by chance once in {factorial(LEAST)} times).",
)


def _rows(metrics: Mapping[str, MetricFacts], rivals: list[Rivals]) -> Iterator[dict[str, Any]]:
    for one, other in combinations(rivals, 2):
        if one.axis != other.axis:
            continue
        for metric in (name for name in one.metrics if name in other.metrics):
            better = bool(metrics[metric].higher_is_better)
            # Seeds of their own: equal draws for two models would be a pairing by accident.
            contests = [own.contest(metric, better, SEED + n) for n, own in enumerate((one, other))]
            for level in SPEEDS:
                found = [contest.goodness_at(level) for contest in contests]
                shared = [name for name in found[0] if name in found[1]]
                if len(shared) < LEAST:
                    continue
                values = [np.array([[own[name][0] for name in shared]]) for own in found]
                drawn = [[own[name][1] for name in shared] for own in found]
                low = high = None
                if all(own is not None for side in drawn for own in side):
                    sides = [np.array(side, dtype=np.float64).T for side in drawn]
                    correlations = rank_correlation(sides[0], sides[1])
                    tail = (1 - CONFIDENCE) / 2
                    low, high = np.nanquantile(correlations, [tail, 1 - tail])
                yield {
                    "metric": metric,
                    "axis": one.axis,
                    "level": level,
                    "first": one.name,
                    "second": other.name,
                    "methods": " ".join(shared),
                    "correlation": float(rank_correlation(values[0], values[1])[0]),
                    "low": low,
                    "high": high,
                }


def _text(row: dict[str, Any]) -> str:
    if np.isnan(row["correlation"]):
        return MISSING
    text = f"{row['correlation']:+.2f}"
    return text if row["low"] is None else f"{text} [{row['low']:+.2f}, {row['high']:+.2f}]"
