"""Differences and losses whose laws are known."""

import numpy as np

from pab_bench.advice.exposure import exposure
from pab_bench.advice.lags import Lags
from pab_bench.advice.space import Prices, rules_of
from pab_bench.advice.surrogate import Run, hats
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

GROUPS = (CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL)
CALLS = 20
DEPTH = 3
TIMES = tuple(range(950, -1, -50))


def some_lags(groups=GROUPS, calls=CALLS, lags=8, depth=DEPTH, seed=0):
    """Differences that grow with the lag, U-shaped over the calls, of different sizes by group."""
    draw = np.random.default_rng(seed)
    shape = 1 + 4 * (np.linspace(-1, 1, calls) ** 2)[:, None, None]
    tables = {}
    for group in groups:
        size = draw.uniform(0.1, 1) * draw.uniform(0.5, 2, (1, 1, depth))
        table = shape * np.arange(lags + 1)[None, :, None] ** 1.3 * size
        for call in range(calls):
            table[call, call + 1 :] = np.nan
        tables[group] = table
    energy = {group: np.ones((calls, depth)) for group in groups}
    return Lags(tables, energy, dict.fromkeys(groups, 100))


def prices(groups=GROUPS, depth=DEPTH, calls=CALLS, seed=0):
    """What sites save and hold."""
    draw = np.random.default_rng(seed)
    flops = {group: draw.integers(1, 50, depth) for group in groups}
    held = {group: draw.integers(1, 9, depth) for group in groups}
    return Prices(flops, held, calls * sum(int(f.sum()) for f in flops.values()) + 100)


def plan_of(rules=None, groups=GROUPS, times=TIMES, depth=DEPTH, period=None):
    return make_plan(rules or Rules(), times, depth, groups, period)


def random_rules(draw, kinds=("spatial", "temporal", "cross", "mlp")):
    """Rules of which at least one reuses."""
    chosen = {}
    while not chosen:
        for kind in kinds:
            if draw.random() < 0.7:
                low, high = sorted(draw.choice(np.arange(0, 1001, 100), 2, replace=False))
                if high - low > 150:
                    chosen[kind] = GapRule(True, (int(low), int(high)), int(draw.integers(2, 8)))
    return rules_of(chosen)


def runs(count, group_weights, knots, slopes, offsets, noise=0.0, seed=1, lags=None):
    """Runs whose losses follow the surrogate's law with these weights."""
    draw = np.random.default_rng(seed)
    lags = lags or some_lags()
    found = []
    for _ in range(count):
        shown = exposure(plan_of(random_rules(draw)), lags)
        by_call = np.exp(hats(CALLS, len(knots)) @ np.array(knots))
        amplitudes = np.sqrt(shown.values).swapaxes(1, 2) @ by_call
        error = sum(
            np.exp(group_weights[group]) * (amplitude**2).sum()
            for group, amplitude in zip(shown.groups, amplitudes, strict=True)
        )
        losses = {
            metric: float(np.exp(offsets[metric] + slopes[metric] * np.log(error)))
            * float(np.exp(draw.normal(0, noise)))
            for metric in ("lpips", "psnr")
        }
        found.append(Run(shown, losses))
    return found
