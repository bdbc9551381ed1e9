"""What DBCache decides in the course of a video, of numbers alone.

Source: cache-dit 1.5.3, `caching/cache_contexts`; diffusers 0.42, `hooks/first_block_cache.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Rule = Literal["cache_dit", "diffusers"]
"""Whose comparison."""


@dataclass(frozen=True)
class Limits:
    """When calls may leave the middle blocks out: the keys of `dbcache` that are about it.

    Attributes:
        threshold: of the difference.
        warm_up: so many first calls compute,
        warm_up_interval: of which every so many must.
        most_cached: so many calls may leave the middle blocks out; None = any number.
        most_in_a_row: so many neighbouring ones may.
        most_change: what all differences may add up to.
        steps_mask: 1 for every call that computes; None = there is no mask.
        is_static: whether no other call of a mask compares.
        rule: whose comparison.
    """

    threshold: float
    warm_up: int
    warm_up_interval: int
    most_cached: int | None
    most_in_a_row: int | None
    most_change: float | None
    steps_mask: tuple[int, ...] | None
    is_static: bool
    rule: Rule


class Verdict(Enum):
    """What is known of a call before anything is compared.

    Attributes:
        COMPUTE: it computes.
        REUSE: it leaves the middle blocks out.
        COMPARE: the first blocks' change is to be compared.
    """

    COMPUTE = "compute"
    REUSE = "reuse"
    COMPARE = "compare"


class Course:
    """The decisions of one lane, since its transformer was first called.

    Args:
        limits: when calls may leave the middle blocks out.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cached = self._in_a_row = 0
        self._change = 0.0
        self._has_computed = False

    def verdict(self, call: int, counted: int) -> Verdict:
        """Tell what the settings say of the next call.

        Args:
            call: of the video.
            counted: its number since the transformer was first called.
        """
        if not self._has_computed or self._must_compute(call, counted):
            return Verdict.COMPUTE
        if self._limits.is_static:
            return Verdict.REUSE
        if self._has_reached_a_limit():
            return Verdict.COMPUTE
        never_compares = self._limits.rule == "cache_dit" and self._limits.threshold >= 1
        return Verdict.REUSE if never_compares else Verdict.COMPARE

    def _must_compute(self, call: int, counted: int) -> bool:
        own = self._limits
        if own.steps_mask is not None:
            return own.steps_mask[call] == 1
        return counted < own.warm_up and counted % own.warm_up_interval == 0

    def _has_reached_a_limit(self) -> bool:
        limits = (
            (self._cached, self._limits.most_cached),
            (self._in_a_row, self._limits.most_in_a_row),
            (self._change, self._limits.most_change),
        )
        return any(most is not None and number >= most for number, most in limits)

    def is_near(self, difference: float) -> bool:
        """Tell whether a difference lets the middle blocks be left out, and add it up.

        Args:
            difference: of the first blocks' change, relative to that of the last computed call.
        """
        if difference > 0:
            self._change += difference
        if self._limits.rule == "diffusers":
            return not difference > self._limits.threshold  # True of NaN, as there.
        return difference < self._limits.threshold

    def ended(self, is_left_out: bool) -> None:
        """Note what was decided."""
        self._has_computed = True
        self._cached += is_left_out
        self._in_a_row = self._in_a_row + 1 if is_left_out else 0
