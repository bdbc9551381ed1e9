"""Leaves out calls of the transformer while EasyCache expects little change."""

from __future__ import annotations

import math
from typing import ClassVar

from pab_bench.engine.places import At, CallDecision, Look, Place, Tensor
from pab_bench.engine.policy import Policy
from pab_bench.errors import PabBenchError


class NoDifference(PabBenchError):
    """What a transformer predicts cannot be held against what it is called with."""


class ExpectedChange(Policy):
    """The first call of a denoising step decides for all calls of the step.

    With x what the transformer is called with, v what it predicts, i the last computed call and j
    the one before it,

        k = mean|v_i - v_j| / mean|x_i - x_j|,
        e_t = k mean|x_t - x_(t-1)| / mean|v_i|,

    and a call whose e, added to those since call i, stay below the threshold puts out
    x_t + (v_i - x_i). Every lane has v and x of its own.

    Args:
        threshold: of the sum.
        warm_up: so many first calls of a transformer compute.
        last: calls that compute in any case, since after them their transformer is called no more.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"call"})

    def __init__(self, threshold: float, warm_up: int, last: frozenset[int]) -> None:
        self._threshold, self._warm_up, self._last = threshold, warm_up, last
        self._is_left_out = False

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Add up the changes that are expected."""
        if at.lane == 0:
            if at.begins:
                self._began, self._rate, self._size = at.call, math.nan, math.nan
            self._is_left_out = self._decide(at, look)
        elif (0, at.call) in self.gates:
            self.gates[at.lane, at.call] = self.gates[0, at.call]
        return CallDecision.REUSE if self._is_left_out else CallDecision.COMPUTE

    def _decide(self, at: At, look: Look) -> bool:
        is_sure = at.call - self._began < self._warm_up or at.call in self._last
        if is_sure or math.isnan(self._rate):
            self._expected = 0.0
            return False
        previous = (0, "previous") if (0, "previous") in self.memory else (0, "input")
        (before,) = self.memory.get(previous, last=False)
        moved = _mean(look.latents - before)
        self._expected += self._rate * moved / self._size if self._size > 0 else math.inf
        self.gates[0, at.call] = self._expected
        if self._expected < self._threshold:
            self.memory.put((0, "previous"), [look.latents.clone()])
            return True
        self._expected = 0.0
        return False

    def call_ended(self, at: At, look: Look, output: Tensor) -> None:
        """Keep what the transformer was called with and what it predicts, and measure the rate."""
        given, output_now = look.latents, shared_part(output, look.latents)
        if at.lane == 0:
            if (0, "input") in self.memory:
                (before,) = self.memory.get((0, "input"), last=False)
                (known,) = self.memory.get((0, "output"), last=False)
                moved = _mean(given - before)
                if moved > 0:  # Else nothing is learned, and the rate stays.
                    self._rate = _mean(output_now - shared_part(known, given)) / moved
            self._size = _mean(output_now)
            self.memory.forget((0, "previous"))
        # Copies: a pipeline may go on with both in place.
        self.memory.put((at.lane, "input"), [given.clone()])
        self.memory.put((at.lane, "output"), [output.clone()])

    def call_output(self, at: At, look: Look) -> Tensor:
        """Add to what the transformer would be called with what it has added last."""
        (given,) = self.memory.get((at.lane, "input"), last=False)
        (output,) = self.memory.get((at.lane, "output"), last=False)
        change = shared_part(output, given) - shared_part(given, output)
        made = output.clone()
        shared_part(made, given).copy_(shared_part(look.latents, output) + change)
        return made


def shared_part(tensor: Tensor, other: Tensor) -> Tensor:
    """The part of a tensor that has the place of another one: its first channels, or all of it.

    A transformer may predict more channels than it is given (a variance, which follows the
    prediction), or be given more than it predicts (a picture, which follows the latents).

    Args:
        tensor: what is narrowed.
        other: as long in all axes but one at most.

    Returns:
        A view.

    Raises:
        NoDifference: if they differ in more than one axis.
    """
    ours, theirs = tuple(tensor.shape), tuple(other.shape)
    axes = [axis for axis, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
    if len(ours) != len(theirs) or len(axes) > 1:
        raise NoDifference(
            f"method=easycache: the transformer is called with and predicts tensors of {ours} and "
            f"{theirs}, of which no difference is known; other methods do not need one"
        )
    if not axes or ours[axes[0]] < theirs[axes[0]]:
        return tensor
    return tensor.narrow(axes[0], 0, theirs[axes[0]])


def _mean(tensor: Tensor) -> float:
    return float(tensor.abs().mean())
