"""The rules that no others beat, by predicted error and operations saved.

Both are sums over the kinds. So the front of all combinations is made of members of the fronts of
the single kinds, and is found by merging these one after the other: no combination is missed, as
long as no front is thinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.advice.space import Options
from pab_bench.engine.kinds import Kind
from pab_bench.methods.rules import GapRule

LARGEST_FRONT = 1500
"""A front with more members is thinned to so many, evenly spread over what they save."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Front:
    """Combinations by rising savings, and so by rising error; all keep the limit of memory.

    Attributes:
        chosen: per member the rule of every kind that reuses.
        error: (members,): the surrogate's error.
        saved: (members,): operations saved in a video.
        held: (members,): an upper bound of the bytes held: the sum of the kinds' own peaks.
        thinned: whether members were left out for their number.
    """

    chosen: Sequence[Mapping[Kind, GapRule]]
    error: Floats
    saved: Ints
    held: Ints
    thinned: bool


def search(kinds: Sequence[Options], most_bytes: int | None = None) -> Front:
    """Merge the kinds' fronts.

    Args:
        kinds: the options of every kind; the first of each reuses nothing.
        most_bytes: what may be held; None = any.
    """
    thinned = False
    # (members, kinds so far): the number of each kind's rule.
    numbers = np.zeros((1, 0), dtype=np.int64)
    error, saved, held = np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int64)
    for options in kinds:
        limited = most_bytes is not None
        allowed = np.arange(len(options.error))
        if most_bytes is not None:
            allowed = allowed[options.held <= most_bytes]
        own = allowed[_best(options.error, options.saved, options.held, limited, allowed)]
        first, second = (grid.ravel() for grid in np.mgrid[: len(error), : len(own)])
        sums = (
            error[first] + options.error[own][second],
            saved[first] + options.saved[own][second],
            held[first] + options.held[own][second],
        )
        fits = np.arange(len(first))
        if most_bytes is not None:
            fits = fits[sums[2] <= most_bytes]
        best = fits[_best(*sums, limited, fits)]
        if len(best) > LARGEST_FRONT:
            thinned = True
            best = best[_spread(sums[1][best], LARGEST_FRONT)]
        error, saved, held = (column[best] for column in sums)
        numbers = np.column_stack([numbers[first[best]], own[second[best]]])
    order = not_beaten(error, saved)  # What needed less memory has served its purpose.
    chosen = [
        {o.kind: o.rules[n] for o, n in zip(kinds, row, strict=True) if o.rules[n].skip}
        for row in numbers[order]
    ]
    return Front(chosen, error[order], saved[order], held[order], thinned)


def _best(error: Floats, saved: Ints, held: Ints, limited: bool, among: Ints) -> Ints:
    """Positions in `among` that no other beats; memory counts only if it is limited."""
    if not limited:
        return not_beaten(error[among], saved[among])
    kept: Ints = np.zeros(0, dtype=np.int64)
    for level in np.unique(held[among]):
        # What needs less memory, and was not beaten, can beat what needs more.
        here = np.concatenate([kept, np.flatnonzero(held[among] == level)])
        found = here[not_beaten(error[among][here], saved[among][here])]
        kept = np.concatenate([kept, found[held[among][found] == level]])
    return kept


def not_beaten(error: Floats, saved: Ints) -> Ints:
    """Indices of the members that no other beats: less error, more saved; of equal ones the first.

    >>> not_beaten(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 5, 4, 6])).tolist()
    [0, 1, 3]
    """
    order = np.lexsort((error, -saved))  # By falling savings, then rising error.
    least = np.minimum.accumulate(error[order])
    better = np.ones(len(order), dtype=bool)
    better[1:] = error[order][1:] < least[:-1]
    return order[better][::-1]


def _spread(values: Ints, count: int) -> Ints:
    """`count` or fewer positions whose values lie evenly between the smallest and the largest."""
    order = np.argsort(values, kind="stable")
    wanted = np.linspace(values.min(), values.max(), count)
    return np.unique(order[np.minimum(np.searchsorted(values[order], wanted), len(values) - 1)])
