"""The half of the guidance batch that is not computed, made of the other and what they differed by.

Source: CFG-Cache of FasterCache, arXiv 2410.19355, equations 9 to 11. There frequencies of outputs
are added up; here the same is done with frames that have only low, or only high frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pab_bench.engine.places import At, CallDecision, Look, Place, Tensor
from pab_bench.methods.follow import FollowSites

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan

Half = Literal["first", "second"]
HALVES = ("first", "second")
CONDITIONAL: dict[str, Half] = {
    "latte": "second",
    "open_sora": "first",
    "open_sora_plan": "second",
    "cogvideox": "second",
}
"""By system the half of the guidance batch that has the prompt."""


class GuidanceCache(FollowSites):
    """Computes the conditional half alone where the plan says one; sites follow the plan too.

    Args:
        plan: the decisions, with `rows`.
        factors: at every call, by how much what the halves differ by grows before it is used: its
            low frequencies, and its high ones. It stays so until the next whole call.
        conditional: which half has the prompt.
    """

    places = frozenset[Place]({"site", "call"})

    def __init__(
        self, plan: Plan, factors: Sequence[tuple[float, float]], conditional: Half
    ) -> None:
        super().__init__(plan)
        self._rows = plan.rows or (2,) * plan.calls
        self._factors, self._first = factors, conditional == "first"

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Look it up.

        Raises:
            NoHalves: if the transformer is called without a guidance batch.
        """
        from pab_bench.engine.whole_calls import check_halves

        check_halves(len(look.latents))
        if self._rows[at.call] == 2:
            return CallDecision.COMPUTE
        return CallDecision.FIRST_HALF if self._first else CallDecision.SECOND_HALF

    def call_ended(self, at: At, look: Look, output: Tensor) -> None:
        """Keep what the halves differ by, if the next call computes one only."""
        # Deferred: settings are made before torch is needed.
        from pab_bench.engine.frequencies import low_frequencies

        if not self._next_is_half(at):
            return
        first, second = output.chunk(2)
        difference = (second - first if self._first else first - second).float()
        low = low_frequencies(difference)
        self.memory.put(self._address(at), [low, difference - low])

    def whole(self, at: At, look: Look, half: Tensor) -> Tensor:
        """Add to the conditional half what they differed by."""
        from pab_bench.engine.frequencies import joined

        low, high = self.memory.get(self._address(at), last=True)
        low_factor, high_factor = self._factors[at.call]
        low, high = low * low_factor, high * high_factor
        if self._next_is_half(at):
            self.memory.put(self._address(at), [low, high])
        other = (half + low + high).to(half.dtype)
        return joined(half, other) if self._first else joined(other, half)

    def conditional_half(self, tensor: Tensor) -> Tensor:
        """The half that has the prompt, of what both put out."""
        half: Tensor = tensor.chunk(2)[0 if self._first else 1]
        return half

    def _next_is_half(self, at: At) -> bool:
        following = self._rows[at.call + 1 : at.call + 2]
        return following == (1,)

    def _address(self, at: At) -> tuple[int, str]:
        return at.lane, "difference"
