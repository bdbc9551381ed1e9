"""Bootstrap draws of prompts (or of seeds, where there is one prompt) as weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pab_bench.statistics.bootstrap import SEED

Floats = npt.NDArray[np.float64]


def weights(count: int, resamples: int) -> Floats:
    """How often each of `count` units was drawn, (resamples, count), seeded; each row sums to 1."""
    drawn = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), resamples)
    return drawn / count


def unit_means(curves: pd.DataFrame) -> tuple[Floats, Floats, str]:
    """The curves of the units that are drawn.

    Args:
        curves: one row per step, one column per video (prompt, seed).

    Returns:
        Mean curve of every unit (units, steps), how many videos each one has (units,), and what a
        unit is: `prompt` or `seed`.
    """
    prompts = curves.columns.get_level_values("prompt")
    level = "prompt" if prompts.nunique() > 1 else "seed"
    by_unit = curves.T.groupby(level=level, sort=True)
    sizes = by_unit.size().to_numpy(dtype=float)
    return by_unit.mean().to_numpy(dtype=float), sizes, level
