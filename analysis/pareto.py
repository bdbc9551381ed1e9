"""Which points no other point beats."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(gain: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Indices of the points that no other point beats in both (more is better), by rising gain.

    A point is beaten by one that is at least as good in both and better in one.

    >>> pareto_front([1.0, 1.2, 1.1, 1.3], [40.0, 30.0, 25.0, 20.0])
    [0, 1, 3]
    """
    order = sorted(range(len(gain)), key=lambda i: (-gain[i], -quality[i]))
    front: list[int] = []
    for i in order:
        equal = front and (gain[i], quality[i]) == (gain[front[-1]], quality[front[-1]])
        if not front or quality[i] > quality[front[-1]] or equal:
            front.append(i)
    return front[::-1]
