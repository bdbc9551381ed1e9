"""Classes of budgets: how much less than the baseline a method may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal

from pab_bench.leaderboard.entries import Entry

BudgetName = Literal["operations", "speedup"]
BOUNDS = (1.1, 1.25, 1.5, 2.0)
"""Where one class ends and the next begins, as a ratio of the baseline's cost."""
UNKNOWN = "cost not known"

BUDGETS: Mapping[BudgetName, Callable[[Entry], float | None]] = {
    "operations": lambda entry: entry.operations,
    "speedup": lambda entry: None if entry.speedup is None else entry.speedup.value,
}
"""By operations, which are the same on every machine; or by the measured speedup, which is not."""


def budget_class(ratio: float | None) -> str:
    """Name the class of a ratio.

    >>> budget_class(1.05), budget_class(1.25), budget_class(3.0), budget_class(None)
    ('below 1.1x', '1.25x to 1.5x', '2x and more', 'cost not known')
    """
    if ratio is None:
        return UNKNOWN
    return CLASSES[sum(ratio >= bound for bound in BOUNDS)]


CLASSES = (
    f"below {BOUNDS[0]:g}x",
    *(f"{low:g}x to {high:g}x" for low, high in pairwise(BOUNDS)),
    f"{BOUNDS[-1]:g}x and more",
    UNKNOWN,
)
