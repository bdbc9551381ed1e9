"""The values that statistics start from: one per (prompt, seed), grouped by prompt."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Samples = Mapping[tuple[Hashable, Hashable], float]
"""Value by (prompt, seed)."""
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


def units_of(samples: Samples) -> tuple[Units, str]:
    """Rows for the bootstrap, and what a row is.

    Videos of one prompt resemble each other. Drawing them one by one would pretend to more
    evidence than there is, so prompts are drawn, each with all its seeds. Only where there is a
    single prompt are its seeds drawn, and the interval then speaks of that prompt alone.

    Raises:
        ValueError: if a value is not finite.
    """
    wrong = [key for key, value in samples.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(f"expected finite values, got {samples[wrong[0]]} for {wrong[0]}")
    groups: dict[Hashable, list[float]] = {}
    for (prompt, _), value in samples.items():
        groups.setdefault(prompt, []).append(value)
    if len(groups) == 1:
        return padded([[value] for value in next(iter(groups.values()))]), "seed"
    return padded(list(groups.values())), "prompt"


def padded(rows: Sequence[Sequence[float]]) -> Units:
    """Rows of different lengths as one array, filled with NaN."""
    units = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for unit, row in zip(units, rows, strict=True):
        unit[: len(row)] = row
    return units
