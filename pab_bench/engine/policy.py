"""What a method decides while one video is sampled.

A policy is made anew for every video, and so is all that it remembers. It never counts: which call
and lane it is asked about is told by the engine.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pab_bench.engine.places import (
    At,
    CallDecision,
    Entrance,
    Gate,
    Look,
    Place,
    Run,
    Site,
    Tensor,
    Tensors,
)


class Policy:
    """Computes everything; a method overrides what it decides in the places that it names.

    Tensors that are needed later are kept in `memory`, by addresses of the policy's own that begin
    with the lane, so that their bytes are counted and they lie where the user wants them.

    Attributes:
        places: where the policy is asked; what concerns other places is never called.
        memory: `engine.cache.Cache`, empty when a video begins; the engine gives it.
        gates: by lane and call the number by which the policy has decided, for the record; the
            engine gives it, the policy fills it.
    """

    places: ClassVar[frozenset[Place]] = frozenset()
    memory: Any
    gates: dict[tuple[int, int], float]

    def gate_decides(self, quantity: float) -> bool | None:
        """Say whether a call whose number in `gates` this is computes everything.

        What really happened is compared with it after every video. None where other things than the
        number decide, too, or it decides about other calls.
        """
        return None

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Decide what of a call of the transformer is computed."""
        return CallDecision.COMPUTE

    def call_ended(self, at: At, look: Look, output: Tensor) -> None:
        """The transformer has computed its whole output."""

    def call_output(self, at: At, look: Look) -> Tensor:
        """Give the output of a call that was decided to be `REUSE`."""
        raise NotImplementedError

    def whole(self, at: At, look: Look, half: Tensor) -> Tensor:
        """Complete the output of one half to that of the guidance batch, first half first."""
        raise NotImplementedError

    def run(self, at: At) -> Run | None:
        """Name the blocks that are left out in this call, or may be; None = none."""
        return None

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        """Decide whether the blocks of the run are left out, when the first is about to begin."""
        return False

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        """The blocks of the run have computed `tokens`, which are laid out as those at entrance."""

    def run_output(self, at: At, entrance: Entrance) -> Tensors:
        """Give the tokens that leave a run which was left out, laid out as those at entrance."""
        raise NotImplementedError

    def reuses(self, at: At, site: Site) -> bool:
        """Decide whether a site puts out what the policy gives, rather than compute."""
        return False

    def site_ended(self, at: At, site: Site, ungated: Any, gate: Gate) -> None:
        """A site has computed its output, which is a tuple where the site has several tensors."""

    def site_output(self, at: At, site: Site, gate: Gate) -> Any:
        """Give what a site that reuses adds to the tokens; the gate is that of this call."""
        raise NotImplementedError
