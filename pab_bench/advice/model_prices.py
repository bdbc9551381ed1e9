"""What every reuse saves and holds, known from the shapes of the model."""

from __future__ import annotations

import numpy as np

from pab_bench.advice.space import Prices
from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.estimate import cache_of, flops_of
from pab_bench.engine.plan import Plan


def prices(settings: Settings, baseline: Plan, tokens: int) -> Prices:
    """The prices of all sites.

    Args:
        settings: the model, how outputs are kept, and which.
        baseline: the plan that reuses nothing.
        tokens: of the text that is attended to.

    Raises:
        ConfigError: if the model's cost is not known without its weights.
    """
    flops = flops_of(settings, get_convention(DEFAULT), baseline, tokens)
    depths = {group: table.shape[1] for group, table in baseline.source.items()}
    held = {group: np.zeros(blocks, dtype=np.int64) for group, blocks in depths.items()}
    computes = {
        group: np.repeat(np.arange(2)[:, None], blocks, axis=1) for group, blocks in depths.items()
    }
    for group, blocks in depths.items():
        for block in range(blocks):
            reused = computes[group].copy()
            reused[1, block] = 0
            plan = Plan((0, 0), baseline.depth, {**computes, group: reused})
            held[group][block] = cache_of(settings, plan, tokens).peak
    return Prices(dict(flops.sites), held, flops.baseline)
