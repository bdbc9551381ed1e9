"""SeaCache in a video: latents are filtered and compared, changes by all blocks extrapolated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pab_bench.engine.places import At, CallDecision, Entrance, Look, Place, Run, Tensor, Tensors
from pab_bench.engine.policy import Policy
from pab_bench.errors import ConfigError
from pab_bench.methods.seacache_distance import Accumulated


class Spectral(Policy):
    """Leaves all blocks out while the filtered latents change little, for each lane by itself.

    Args:
        accumulated: makes what decides in a lane.
        sigmas: at every call the part of noise in the latents.
        exponent: of the spectrum that clean latents are taken to have.
        order: 0 adds what the blocks changed last, 1 extrapolates it from the last two.
        whole: all blocks.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"stack", "call"})

    def __init__(
        self,
        accumulated: Callable[[], Accumulated],
        sigmas: Sequence[float],
        exponent: float,
        order: int,
        whole: Run,
    ) -> None:
        self._make, self._sigmas, self._exponent = accumulated, sigmas, exponent
        self._order, self._whole = order, whole
        self._accumulated: dict[int, Accumulated] = {}
        self._computed: dict[int, list[int]] = {}
        self._computes = True

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Decide about the blocks; the call is made in any case.

        Raises:
            ConfigError: if the latents have no axes for frames, height and width.
        """
        # Deferred: settings are made before torch is needed.
        from pab_bench.engine.frequencies import content

        latents, lane = look.latents, at.lane
        if latents.ndim != 5:
            raise ConfigError(
                "method=seacache: filters latents (batch, channels, frames, height, width), and "
                f"here the transformer is called with {tuple(latents.shape)}"
            )
        if at.begins or lane not in self._accumulated:
            self._accumulated[lane], self._computed[lane] = self._make(), []
        own, address = self._accumulated[lane], (lane, "latents")
        now = content(latents, self._sigmas[at.call], self._exponent)
        if address not in self.memory or own.must_compute(at.call):
            own.computed()
            self._computes = True
        else:
            (before,) = self.memory.get(address, last=True)
            self._computes, self.gates[lane, at.call] = own.decide(_change(now, before))
        self.memory.put(address, [now])
        return CallDecision.COMPUTE

    def call_ended(self, at: At, look: Look, output: Tensor) -> None:
        """Refuse a transformer that is given more than the latents of the video.

        Raises:
            ConfigError: if it has more channels than it predicts.
        """
        given, made = look.latents.shape[1], output.shape[1]
        if given != made:
            raise ConfigError(
                f"method=seacache: is defined for text alone, and the transformer is given {given} "
                f"channels and predicts {made}: the others are of a picture"
            )

    def run(self, at: At) -> Run:
        """All blocks."""
        return self._whole

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        """As it was decided when the call began."""
        return not self._computes

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        """Keep what the blocks have changed in the video, and as they are the other streams."""
        calls = self._computed[at.lane]
        if calls and self._order:
            before = self.memory.get((at.lane, "last"), last=True)
            self.memory.put((at.lane, "one before"), before[:1])
        self._computed[at.lane] = [*calls[-1:], at.call]
        self.memory.put((at.lane, "last"), [tokens[0] - entrance.tokens[0], *tokens[1:]])

    def run_output(self, at: At, entrance: Entrance) -> Tensors:
        """Add the change of the video; the other streams leave as they did last."""
        change, *others = self.memory.get((at.lane, "last"), last=False)
        calls = self._computed[at.lane]
        if self._order and len(calls) == 2:
            (before,) = self.memory.get((at.lane, "one before"), last=False)
            earlier, latest = calls
            change = change + (change - before) * ((at.call - latest) / (latest - earlier))
        return (entrance.tokens[0] + change, *others)


def _change(now: Tensor, before: Tensor) -> float:
    """The mean over videos of the relative change of filtered latents, (batch, ...), in float32."""
    now, before = now.float().flatten(1), before.float().flatten(1)
    return float(((now - before).abs().mean(1) / (before.abs().mean(1) + _TINY)).mean())


_TINY = 1e-16
