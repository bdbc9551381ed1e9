"""MagCache's ratios: how the magnitude of what all blocks change goes from call to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pab_bench.calibration.goodness import (
    TOO_FEW_HELD_OUT,
    TOO_FEW_PROMPTS,
    Numbers,
    errors_of,
    root_mean_square,
)
from pab_bench.calibration.measuring import Changes
from pab_bench.methods.magcache import MagCache
from pab_bench.methods.magnitudes import walk


def table_of(videos: Sequence[Changes], lane: int) -> Numbers:
    """The ratios of a lane, (videos, calls)."""
    return np.array([own.ratios for own in videos if own.lane == lane], dtype=np.float64)


def mean_ratios(videos: Sequence[Changes], lanes: int) -> list[list[float]]:
    """Of every lane the mean ratio of every call, over videos."""
    return [table_of(videos, lane).mean(axis=0).tolist() for lane in range(lanes)]


def decided(ratios: Sequence[float]) -> tuple[bool, ...]:
    """Whether every call computes by such ratios, at the method's usual settings."""
    usual = MagCache(ratios=(1.0, 1.0))
    limits = usual.threshold, usual.most, usual.retention
    return walk(ratios, len(ratios), len(ratios), limits).computes


def decisions_apart(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The share of calls that two lists of ratios decide otherwise, at the usual settings."""
    pairs = zip(decided(ours), decided(theirs), strict=True)
    return float(np.mean([one != other for one, other in pairs]))


def ratios_fit(
    fitted: Mapping[str, Sequence[Changes]],
    held_out: Mapping[str, Sequence[Changes]],
    lanes: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the means, and say how far videos are from them.

    The first call, whose ratio is 1 by definition, is in no error.

    Args:
        fitted: by prompt, what is averaged.
        held_out: by prompt, what only tests the means.
        lanes: calls of the transformer in a denoising step.

    Returns:
        `fit` and `quality` of the calibration's file.
    """
    videos = [own for group in fitted.values() for own in group]
    others = [own for group in held_out.values() for own in group]
    ratios = mean_ratios(videos, lanes)
    spread = [_spread(table_of(videos, lane)) for lane in range(lanes)]
    known = [own for lane in spread if lane is not None for own in lane[1:]]
    quality = {
        "fitted": _errors(videos, ratios, lanes),
        "held_out": _errors(others, ratios, lanes),
        "held_out_decisions_apart": [
            decisions_apart(ratios[0], own) for own in table_of(others, 0).tolist()
        ],
        "computed_calls": sum(decided(ratios[0])),
        "held_out_computed_calls": [sum(decided(own)) for own in table_of(others, 0).tolist()],
        "held_out_missing": TOO_FEW_HELD_OUT if not others else None,
        "left_out": _left_out(fitted, lanes),
        "left_out_missing": TOO_FEW_PROMPTS if len(fitted) < 2 else None,
        "spread": spread,
        "largest_spread": max(known, default=None),
        "lanes_apart": None if lanes < 2 else float(np.abs(np.ptp(ratios, axis=0)).max()),
    }
    return {"ratios": ratios}, quality


def _errors(videos: Sequence[Changes], ratios: Sequence[list[float]], lanes: int) -> dict[str, Any]:
    tables = [table_of(videos, lane) for lane in range(lanes)] if videos else []
    values = [table[:, 1:].ravel() for table in tables]
    means = [np.tile(ratios[lane][1:], len(table)) for lane, table in enumerate(tables)]
    if not values:
        return errors_of(np.array([]), np.array([]))
    return errors_of(np.concatenate(values), np.concatenate(means))


def _spread(table: Numbers) -> list[float] | None:
    """The standard deviation of every call over videos; None of one video."""
    own: list[float] = table.std(axis=0, ddof=1).tolist() if len(table) > 1 else []
    return own or None


def _left_out(fitted: Mapping[str, Sequence[Changes]], lanes: int) -> list[float | None]:
    """For every prompt the root mean square error of the means over the other prompts."""
    found = []
    for prompt in fitted if len(fitted) > 1 else ():
        rest = [own for other, videos in fitted.items() if other != prompt for own in videos]
        means = mean_ratios(rest, lanes)
        errors = [
            (table_of(fitted[prompt], lane) - means[lane])[:, 1:].ravel() for lane in range(lanes)
        ]
        found.append(root_mean_square(np.concatenate(errors)))
    return found
