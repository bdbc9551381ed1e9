"""What SeaCache decides of how much the filtered latents change from call to call.

Source: SeaCache, arXiv 2602.18993; diffusers 0.42, `hooks/sea_cache.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """When blocks compute whatever has accumulated.

    Attributes:
        threshold: the accumulated change from which on they compute.
        protected: calls that compute.
        most: so many calls in a row may leave the blocks out; 0 = as many as it comes to.
    """

    threshold: float
    protected: frozenset[int]
    most: int


class Accumulated:
    """The change of the filtered latents since the blocks have computed last, in one lane.

    Args:
        limits: when they compute whatever it is.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._change = 0.0
        self._left_out = 0

    def must_compute(self, call: int) -> bool:
        """Whether the blocks compute in a call whatever has changed."""
        limits = self._limits
        enough = 0 < limits.most <= self._left_out
        return enough or call in limits.protected

    def computed(self) -> None:
        """The blocks compute: nothing has changed since."""
        self._change, self._left_out = 0.0, 0

    def decide(self, change: float) -> tuple[bool, float]:
        """Decide whether the blocks compute, in a call in which they need not.

        Args:
            change: the relative change since the call before.

        Returns:
            Whether they do, and the accumulated change that says so.
        """
        accumulated = self._change + change
        computes = not math.isfinite(accumulated) or accumulated >= self._limits.threshold
        if computes:
            self.computed()
        else:
            self._change = accumulated
            self._left_out += 1
        return computes, accumulated
