"""Amounts of arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """Multiply-adds, apart by what they are for.

    Norms, gates, activations and softmax have none: like the counters whose numbers are published,
    these count matrix products and convolutions only.

    Attributes:
        linear: of linear layers and convolutions.
        attention: of queries with keys, and of probabilities with values.
    """

    linear: int = 0
    attention: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.linear + other.linear, self.attention + other.attention)

    def __sub__(self, other: Work) -> Work:
        return Work(self.linear - other.linear, self.attention - other.attention)

    def __mul__(self, times: int) -> Work:
        return Work(self.linear * times, self.attention * times)


def total(parts: Iterable[Work]) -> Work:
    """The sum."""
    return sum(parts, Work())
