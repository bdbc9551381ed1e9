"""AdaCache in a video: what blocks add to the tokens is kept, and added again at the rate in force.

A block adds two residuals: that of its self-attention behind its gate, and the sum of what
cross attention and MLP, behind its gate, add. Each is kept as one tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pab_bench.engine.kinds import Group
from pab_bench.engine.places import At, CallDecision, Gate, Look, Place, Site, Tensor
from pab_bench.engine.policy import Policy
from pab_bench.errors import ConfigError
from pab_bench.methods.adacache_rates import Rates


@dataclass(frozen=True)
class Motion:
    """How motion is measured of a residual.

    Attributes:
        strides: in frames; the mean of all counts.
        calls: the first and the last call in which it counts.
        scale: the motion that makes no difference.
        power: of the motion over that.
        divisor: of the result.
    """

    strides: tuple[int, ...]
    calls: tuple[int, int]
    scale: float
    power: float
    divisor: float

    def of(self, residual: Tensor) -> float:
        """Measure the motion of a residual, (batch, frames, patches, width) or with these swapped.

        Args:
            residual: its second axis has the frames.
        """
        # Deferred: settings are made before torch is needed.
        from pab_bench.engine.distances import l1_norm

        total = 0.0
        for stride in self.strides:
            later, earlier = residual[:, stride:], residual[:, :-stride]
            total += _relative(l1_norm(later - earlier), l1_norm(later) + l1_norm(earlier))
        return float((total / len(self.strides) / self.scale) ** self.power / self.divisor)


class Adaptive(Policy):
    """All blocks compute at the same calls of a lane, as often as the rate says.

    Args:
        rates: makes the rates of a lane.
        places: the sites at whose residuals changes are measured; of cross attention and MLP, which
            have one residual, the MLP.
        joined: the group of cross attention by that of the MLP whose residual it is a part of.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"site"})

    def __init__(
        self,
        rates: Callable[[], Rates],
        measured: Collection[Site],
        joined: Mapping[Group, Group],
    ) -> None:
        self._make_rates = rates
        self._rates: dict[int, Rates] = {}
        self._measured = frozenset(measured)
        self._joined = joined
        self._joins = {cross: mlp for mlp, cross in joined.items()}

    def _begin_call(self, at: At) -> bool:
        if at.lane not in self._rates:
            self._rates[at.lane] = self._make_rates()
        return self._rates[at.lane].begin_call(at.call, at.begins)

    def reuses(self, at: At, site: Site) -> bool:
        """All sites do the same."""
        return not self._begin_call(at)

    def site_ended(self, at: At, site: Site, ungated: Tensor, gate: Gate) -> None:
        """Keep the residual, and set the rate by its change where changes are measured."""
        group, block = site
        address = at.lane, site
        residual = ungated if gate is None else gate * ungated
        if group in self._joins:  # The residual is not whole before the MLP has ended.
            self.memory.put((at.lane, site, "part"), [residual])
            return
        if group in self._joined:
            part = at.lane, (self._joined[group], block), "part"
            residual = self.memory.get(part, last=True)[0] + residual
        if site in self._measured and address in self.memory:
            self._measure(at, site, residual)
        self.memory.put(address, [residual])

    def _measure(self, at: At, site: Site, residual: Tensor) -> None:
        from pab_bench.engine.distances import l1_norm

        (before,) = self.memory.get((at.lane, site), last=False)
        change = _relative(l1_norm(before - residual), l1_norm(before))
        value = self._rates[at.lane].changed(site, change, self.motion(at, site, residual))
        self.gates[at.lane, at.call] = value

    def motion(self, at: At, site: Site, residual: Tensor) -> float:
        """1: it is of no account."""
        return 1.0

    def site_output(self, at: At, site: Site, gate: Gate) -> Tensor:
        """The residual; that of cross attention and MLP is added where cross attention would be."""
        group, block = site
        kept = (self._joins[group], block) if group in self._joins else site
        residual: Tensor = self.memory.get((at.lane, kept), last=False)[0]
        return residual.new_zeros(()) if group in self._joined else residual


class AdaptiveToMotion(Adaptive):
    """Likewise, and much motion, or a change of it, counts as change.

    Args:
        rates: as above.
        measured: as above.
        joined: as above.
        motion: how it is measured.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"site", "call"})

    def __init__(
        self,
        rates: Callable[[], Rates],
        measured: Collection[Site],
        joined: Mapping[Group, Group],
        motion: Motion,
    ) -> None:
        super().__init__(rates, measured, joined)
        self._motion = motion

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Note how many frames there are; the call is made in any case.

        Raises:
            ConfigError: if there are not more frames than the largest stride.
        """
        self._size: Sequence[int] = look.latents.shape
        frames, strides = self._size[2], self._motion.strides
        if frames <= max(strides):
            raise ConfigError(
                f"method.motion_strides={list(strides)}: must be below {frames}, the frames of the "
                "latents"
            )
        return CallDecision.COMPUTE

    def motion(self, at: At, site: Site, residual: Tensor) -> float:
        """Measure it within the calls in which it counts; 1 elsewhere."""
        first, last = self._motion.calls
        if not first <= at.call <= last:
            return 1.0
        batch, _, frames = self._size[:3]
        if len(residual) == batch:  # Tokens frame by frame, (batch, frames * patches, width).
            return self._motion.of(residual.unflatten(1, (frames, -1)))
        if site[0].branch == "temporal":  # (batch * patches, frames, width).
            return self._motion.of(residual)
        return self._motion.of(residual.unflatten(0, (-1, frames)))


def _relative(difference: float, size: float) -> float:
    """A difference over a size; 0 where there is neither."""
    if size:
        return difference / size
    return math.inf if difference else 0.0
