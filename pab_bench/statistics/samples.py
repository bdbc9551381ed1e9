"""The values that statistics start from: one per (prompt, seed), grouped by prompt."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Samples = Mapping[tuple[Hashable, Hashable], float]
"""Value by (prompt, seed)."""
Same = Mapping[Any, Hashable]
"""Prompt -> an earlier one that the model cannot tell from it, so that both are one video."""
Units = npt.NDArray[np.float64]
"""What is drawn anew by the bootstrap, one row each, NaN where a row has fewer values."""


def samples_by_metric(rows: pd.DataFrame) -> dict[str, dict[tuple[Hashable, Hashable], float]]:
    """Samples of every metric.

    Args:
        rows: columns prompt, seed, metric, value, one row per video; missing values are left out.

    Raises:
        ValueError: if a video has two values of a metric.
    """
    found: dict[str, dict[tuple[Hashable, Hashable], float]] = {}
    for prompt, seed, metric, value in rows[["prompt", "seed", "metric", "value"]].itertuples(
        index=False
    ):
        samples = found.setdefault(str(metric), {})
        if (prompt, seed) in samples:
            raise ValueError(f"{metric}: prompt {prompt!r}, seed {seed!r} has two values")
        if not pd.isna(value):
            samples[prompt, seed] = float(value)
    return found


def units_of(samples: Samples, same: Same | None = None) -> tuple[Units, str]:
    """Rows for the bootstrap, and what a row is.

    Videos of one prompt resemble each other. Drawing them one by one would pretend to more
    evidence than there is, so prompts are drawn, each with all its seeds. Only where there is a
    single prompt are its seeds drawn, and the interval then speaks of that prompt alone. Prompts
    that are the same video are one.

    Args:
        samples: value by (prompt, seed).
        same: the prompts that are the same to the model as an earlier one.

    Raises:
        ValueError: if a value is not finite.
    """
    wrong = [key for key, value in samples.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(f"expected finite values, got {samples[wrong[0]]} for {wrong[0]}")
    groups: dict[Hashable, dict[Hashable, list[float]]] = {}
    for (prompt, seed), value in samples.items():
        first = prompt if same is None else same.get(prompt, prompt)
        groups.setdefault(first, {}).setdefault(seed, []).append(value)
    if len(groups) == 1:
        return padded(list(next(iter(groups.values())).values())), "seed"
    return padded(
        [list(chain.from_iterable(seeds.values())) for seeds in groups.values()]
    ), "prompt"


def padded(rows: Sequence[Sequence[float]]) -> Units:
    """Rows of different lengths as one array, filled with NaN."""
    units = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for unit, row in zip(units, rows, strict=True):
        unit[: len(row)] = row
    return units
