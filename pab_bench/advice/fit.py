"""Fits the surrogate to real runs, and tells how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pab_bench.advice.surrogate import (
    GROUP_SPREAD,
    KNOT_SPREAD,
    KNOTS,
    LEAST_LOSS,
    METRICS,
    NOISE,
    SLOPE_SPREAD,
    Array,
    Run,
    Surrogate,
    hats,
)


def usable(runs: Sequence[Run]) -> list[Run]:
    """Those that tell something: they reuse, and have all metrics."""
    return [
        run
        for run in runs
        if run.exposure.values.any()
        and all(run.losses.get(metric, 0.0) > least for metric, least in LEAST_LOSS.items())
    ]


def fit(runs: Sequence[Run], near: float | None = None) -> Surrogate:
    """The surrogate after `runs`.

    Weighted least squares of log(loss), with the prior as a ridge (normal distributions of the
    spreads in `surrogate`).

    Args:
        runs: at least one that is `usable`.
        near: an LPIPS around which the fit must be best: runs elsewhere count less.

    Raises:
        ValueError: if no run is usable.
    """
    found = usable(runs)
    if not found:
        raise ValueError("no run tells anything: none reuses, or metrics are missing")
    return _fit(found, near)


def leave_one_out(runs: Sequence[Run], near: float | None = None) -> dict[str, float]:
    """Per metric the root mean square of log(predicted / measured) of runs that were left out.

    0.1 means that a loss is predicted with an error of about 10 %. Empty for fewer than 4 runs.
    """
    found = usable(runs)
    if len(found) < 4:
        return {}
    rows = []
    for number, run in enumerate(found):
        surrogate = _fit([*found[:number], *found[number + 1 :]], near)
        error = surrogate.error(run.exposure)
        rows.append([np.log(surrogate.loss(m, error) / run.losses[m]) for m in METRICS])
    root = np.sqrt((np.array(rows) ** 2).mean(axis=0))
    return dict(zip(METRICS, map(float, root), strict=True))


def _fit(runs: Sequence[Run], near: float | None) -> Surrogate:
    from scipy.optimize import least_squares

    groups = runs[0].exposure.groups
    # (runs, groups, blocks, calls)
    reuses = np.stack([np.sqrt(run.exposure.values).swapaxes(1, 2) for run in runs])
    scale = np.sqrt((reuses.sum(axis=3) ** 2).sum(axis=(1, 2)).mean())
    reuses = reuses / scale  # Errors are then of the order of 1, so that no start is far.
    measured = np.log([[run.losses[m] for m in METRICS] for run in runs])
    trust = np.ones(len(runs))
    if near is not None:
        # A run at e times the loss counts about half.
        trust = 1 / np.sqrt(1 + (measured[:, 0] - np.log(near)) ** 2)
    basis = hats(reuses.shape[3], KNOTS)
    ends = np.cumsum([len(groups), KNOTS, len(METRICS)])

    def residuals(x: Array) -> Array:
        a, b, slopes, offsets = np.split(x, ends)
        amplitudes = reuses @ np.exp(basis @ b)
        error = np.log(((amplitudes**2).sum(axis=2) * np.exp(a)).sum(axis=1))
        predicted = offsets + slopes * error[:, None]
        return np.concatenate(
            [
                ((predicted - measured) * trust[:, None] / NOISE).ravel(),
                a / GROUP_SPREAD,
                np.diff(b) / KNOT_SPREAD,
                [b.mean() / KNOT_SPREAD],
                (slopes - 1) / SLOPE_SPREAD,
            ]
        )

    start = np.concatenate([np.zeros(ends[1]), np.ones(len(METRICS)), measured.mean(axis=0)])
    a, b, slopes, offsets = np.split(least_squares(residuals, start).x, ends)
    return Surrogate(
        groups=groups,
        group_weights=a,
        knots=b,
        offsets={
            m: float(o - 2 * s * np.log(scale))
            for m, o, s in zip(METRICS, offsets, slopes, strict=True)
        },
        slopes=dict(zip(METRICS, map(float, slopes), strict=True)),
        runs=len(runs),
    )
