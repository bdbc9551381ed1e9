"""Where the attention-difference curve of a baseline is flat, as a window: `threshold=auto`.

The curve is the paper's: the mean squared difference of a site's output to that of the step before,
before the gate, averaged over blocks, here of one video. Its logarithm is cut at change points
(`pab_bench.claims.segmentation`). The flat part is its longest level, if that lies lower than every
level beside it, by a quarter at least; and if it has half of the steps at least where it begins or
ends with the curve, so that a curve that only rises or falls has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pab_bench.claims.definition import PAPER, curves_of, differences
from pab_bench.claims.segmentation import Segmentation, segment
from pab_bench.claims.verdict import MINIMAL_LOG_RATIO, MINIMAL_RATIO
from pab_bench.errors import PabBenchError

RULE = (
    "longest level of the logarithm of the attention difference (mean over blocks) between change "
    f"points, at least {MINIMAL_RATIO:g} times lower than the levels beside it, and at least half "
    "of the steps where there is a level on one side only"
)
FEWEST_STEPS = 10
"""Of a curve that may have a flat part."""


class NotFlat(PabBenchError):
    """A curve that has no flat part; the message has its figures."""


@dataclass(frozen=True)
class FlatWindow:
    """The flat part of one kind's curve.

    Attributes:
        window: (low, high) timesteps, both excluded, between which the flat part's lie.
        steps: its first and its last step.
        found: how the curve was cut.
        change_points: steps at which a new level begins.
    """

    window: tuple[int, int]
    steps: tuple[int, int]
    found: Segmentation
    change_points: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the rule."""
        return {
            "window": list(self.window),
            "first_step": self.steps[0],
            "last_step": self.steps[1],
            "change_points": list(self.change_points),
            "left_ratio": _ratio(self.found.left),
            "right_ratio": _ratio(self.found.right),
            "rule": RULE,
        }


def flat_window(curves: pd.DataFrame, kind: str, prompt: int, seed: int) -> FlatWindow:
    """Find the flat part of the curve of one video.

    Args:
        curves: rows of curves.parquet of a baseline.
        kind: whose sites count.
        prompt: index of the video's prompt.
        seed: the video's seed.

    Raises:
        NotFlat: if there is none.
        UnusableCurves: if the table is none of curves.
    """
    rows = differences(curves, PAPER)
    rows = rows[(rows["kind"] == kind) & (rows["prompt"] == prompt) & (rows["seed"] == seed)]
    if rows.empty:
        raise NotFlat(f"the baseline has no attention differences of {kind}")
    values = curves_of(rows).iloc[:, 0]
    steps = [int(step) for step in values.index]
    if len(steps) + 1 < FEWEST_STEPS:
        raise NotFlat(
            f"a curve over {len(steps) + 1} steps is too short, at least {FEWEST_STEPS} are needed"
        )
    if not (values > 0).all():
        zero = int((~(values > 0)).sum())
        raise NotFlat(f"the difference is not positive at {zero} of {len(steps)} steps")
    curve = np.log(values.to_numpy(dtype=np.float64))
    found = segment(curve)
    _check(found, curve, steps)
    times = rows.drop_duplicates("step").set_index("step")["timestep"]
    own = [int(times[step]) for step in steps[found.start : found.stop]]
    return FlatWindow(
        window=(min(own) - 1, max(own) + 1),
        steps=(steps[found.start], steps[found.stop - 1]),
        found=found,
        change_points=tuple(steps[place] for place in found.changes),
    )


def _check(found: Segmentation, curve: np.ndarray[Any, Any], steps: Sequence[int]) -> None:
    """Refuse a longest level that is no valley."""
    low, high = math.exp(float(curve.min())), math.exp(float(curve.max()))
    span = f"from {low:.3g} to {high:.3g} over {len(steps)} steps"
    if not found.changes:
        raise NotFlat(f"the curve, {span}, has no change point: it is one level")
    own = math.exp(float(curve[found.start : found.stop].mean()))
    sides = {"before": found.left, "after": found.right}
    first, last = steps[found.start], steps[found.stop - 1]
    where = f"the longest level of the curve, {span}, is {own:.3g} in steps {first} to {last} and "
    wrong = [
        f"{math.exp(level) * own:.3g} {side} it"
        for side, level in sides.items()
        if level is not None and level < MINIMAL_LOG_RATIO
    ]
    if wrong:
        need = f"where {MINIMAL_RATIO:g} times as much is needed"
        raise NotFlat(f"{where}no valley: {' and '.join(wrong)}, {need}")
    inside = found.stop - found.start
    if None in sides.values() and 2 * inside < len(steps):
        raise NotFlat(
            f"{where}no valley: it has a level on one side only, and {inside} of {len(steps)} "
            "steps, where half of them are needed"
        )


def _ratio(log: float | None) -> float | None:
    return None if log is None else math.exp(log)
