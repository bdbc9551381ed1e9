"""Orders contestants, and says which of them cannot be told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

TellsApart = Callable[[int, int], bool]
"""Whether two contestants, by their places in a list, differ beyond what chance would do."""


def ranks(goodness: Sequence[float]) -> list[int]:
    """Rank from 1, the largest value first; equal values have the rank of the first of them.

    >>> ranks([2.0, 5.0, 2.0])
    [2, 1, 2]
    """
    return [1 + sum(other > value for other in goodness) for value in goodness]


def groups(
    goodness: Sequence[float], told_apart: TellsApart, most: int | None = None
) -> list[int | None]:
    """Number, from 1, of the group of every contestant.

    The best of those that have no group yet leads the next one, and whoever cannot be told apart
    from it belongs to it. So two of a group need not be alike: each is like its leader. One that is
    worse can belong to an earlier group than a better one, if its values spread more.

    Args:
        goodness: by contestant; more is better.
        told_apart: asked of a leader and of another contestant.
        most: find so many groups; the others have None. None = all.

    >>> groups([1.0, 9.0, 8.0], lambda one, other: {one, other} != {1, 2})
    [2, 1, 1]
    """
    found: list[int | None] = [None] * len(goodness)
    left = sorted(range(len(goodness)), key=lambda place: -goodness[place])
    number = 0
    while left and number != most:
        number += 1
        leader, *others = left
        alike = [other for other in others if not told_apart(leader, other)]
        for member in (leader, *alike):
            found[member] = number
        left = [other for other in others if found[other] is None]
    return found


def mark(rank: int, tied: bool) -> str:
    """A rank as tables have it: `1=` where several cannot be told apart.

    >>> mark(1, True), mark(4, False)
    ('1=', '4')
    """
    return f"{rank}=" if tied else str(rank)
