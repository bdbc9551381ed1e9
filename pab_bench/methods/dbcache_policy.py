"""Leaves out the middle blocks of the stack where DBCache's settings let it."""

from __future__ import annotations

from typing import ClassVar

from pab_bench.engine.places import At, Entrance, Place, Run, Tensor, Tensors
from pab_bench.engine.policy import Policy
from pab_bench.methods.dbcache_course import Course, Limits, Verdict
from pab_bench.methods.factors import Factors

_NO_DIFFERENCES = 3
"""So many first calls have none: cache-dit's count of calls begins two late."""


class MiddleBlocks(Policy):
    """The first blocks compute, and what they change tells whether the middle ones do.

    Every lane has a state of its own. What a run of blocks changes is kept of all streams of
    tokens; what is compared is the video's.

    Args:
        limits: when the middle blocks may be left out.
        order: of the polynomial by which what they change is extrapolated; 0 = it is reused.
        run: the middle blocks.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"stack"})

    def __init__(self, limits: Limits, order: int, run: Run) -> None:
        self._limits, self._order, self._run = limits, order, run
        self._lanes: dict[int, _Lane] = {}

    def run(self, at: At) -> Run:
        """Always the same."""
        return self._run

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        """Look at the settings first, and compare if they do not say all."""
        if at.begins:
            self._lanes[at.lane] = _Lane(self._limits, self._order, at.call)
        lane = self._lanes[at.lane]
        change = entrance.tokens[0] - entrance.start[0]
        verdict = lane.course.verdict(at.call, at.call - lane.began)
        is_left_out = verdict is Verdict.REUSE
        if verdict is Verdict.COMPARE:
            (before,) = self.memory.get((at.lane, "first"), last=False)
            difference = relative_difference(change, before)
            self.gates[at.lane, at.call] = difference
            is_left_out = lane.course.is_near(difference)
        lane.course.ended(is_left_out)
        if not is_left_out and not self._limits.is_static:
            self.memory.put((at.lane, "first"), [change])
        return is_left_out

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        """Keep what the middle blocks have changed, with its differences from call to call."""
        changes = tuple(left - came for left, came in zip(tokens, entrance.tokens, strict=True))
        address = at.lane, "middle"
        factors = self._lanes[at.lane].factors
        self.memory.put(address, factors.updated(self.memory, address, at.call, changes))

    def run_output(self, at: At, entrance: Entrance) -> Tensors:
        """Add what they would have changed."""
        address = at.lane, "middle"
        kept = self.memory.get(address, last=False)
        changes = self._lanes[at.lane].factors.value(address, at.call, kept)
        return tuple(came + own for came, own in zip(entrance.tokens, changes, strict=True))


class _Lane:
    """What is remembered of a lane beside tensors.

    Args:
        limits: when the middle blocks may be left out.
        order: of the polynomial.
        began: the call at which its transformer was first called.
    """

    def __init__(self, limits: Limits, order: int, began: int) -> None:
        self.began = began
        self.course = Course(limits)
        self.factors = Factors(order, None, since=began + _NO_DIFFERENCES)


def relative_difference(now: Tensor, before: Tensor) -> float:
    """Mean magnitude of a difference of tensors, over that of the earlier one.

    Args:
        now: of any shape.
        before: of the same.
    """
    return float((before - now).abs().mean() / before.abs().mean())
