"""Curves of known shape, in the recorded format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

CALLS = 50
FIRST, LAST = 8, 41
"""First and last step of the middle 70 % of 50 steps."""
TIMESTEPS = tuple(980 - 20 * step for step in range(CALLS))
LEVELS = {"spatial": 1.0, "temporal": 0.3, "cross": 0.01}
FLAT = (1.0, 1.0, 1.0)
U = (10.0, 1.0, 10.0)


def shape(first: float, middle: float, last: float, calls: int = CALLS) -> np.ndarray:
    """A level for each of the three parts, per step from 1 on."""
    steps = np.arange(1, calls) / (calls - 1)
    return np.where(steps <= 0.15, first, np.where(steps >= 0.85, last, middle))


def curves(
    shapes: Mapping[str, Sequence[float]],
    prompts: int = 4,
    seeds: int = 2,
    blocks: int = 2,
    noise: float = 0.05,
    levels: Mapping[str, float] = LEVELS,
    calls: int = CALLS,
    gate: float = 1.0,
) -> pd.DataFrame:
    """Rows of curves.parquet.

    Args:
        shapes: per kind either three levels (see `shape`) or one value per step from 1 on.
        prompts, seeds, blocks: how many.
        noise: standard deviation of the logarithm, independent for every value.
        levels: per kind, what its shape is multiplied with.
        calls: transformer calls of one video.
        gate: the gated output is the ungated one times this.
    """
    random = np.random.default_rng(0)
    steps = np.arange(1, calls)
    parts = []
    for kind, given in shapes.items():
        values = shape(*given, calls=calls) if len(given) == 3 else np.asarray(given, dtype=float)
        for prompt in range(prompts):
            for seed in range(seeds):
                for block in range(blocks):
                    drawn = np.exp(random.normal(0, noise, len(steps)))
                    mse = levels.get(kind, 1.0) * values * drawn
                    for tensor, factor in (("ungated", 1.0), ("gated", gate)):
                        parts.append(
                            pd.DataFrame(
                                {
                                    "prompt": prompt,
                                    "seed": seed,
                                    "step": steps,
                                    "timestep": [980 - 20 * step for step in steps],
                                    "kind": kind,
                                    "branch": "temporal" if kind == "temporal" else "spatial",
                                    "block": block,
                                    "lane": 0,
                                    "tensor": tensor,
                                    "mse": factor**2 * mse,
                                    "relative_l1": np.sqrt(mse),
                                    "cosine": 1 - mse / 1000,
                                    "energy": factor**2,
                                }
                            )
                        )
    return pd.concat(parts, ignore_index=True)
