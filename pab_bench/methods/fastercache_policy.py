"""Attention as FasterCache extrapolates it: from the last two outputs, each of one half or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pab_bench.engine.places import At, Site, Tensor, Tensors
from pab_bench.methods.guidance_cache import GuidanceCache, Half

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan


class _LastTwo(GuidanceCache):
    """Keeps the last two outputs of a site, of which the first is both; the newest comes first."""

    def __init__(
        self,
        plan: Plan,
        factors: Sequence[tuple[float, float]],
        conditional: Half,
        weights: Sequence[float],
    ) -> None:
        super().__init__(plan, factors, conditional)
        self._weights = weights

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        """The outputs of this call, and those before."""
        known: Sequence[Tensor] = ()
        if address in self.memory:
            known = self.memory.get(address, last=True)
        return [*tensors, *(known[: len(tensors)] or tensors)]

    def extrapolated(self, at: At, kept: Sequence[Tensor]) -> list[Tensor]:
        """The newest, and so much of its difference from the one before."""
        number = len(kept) // 2
        weight = self._weights[at.call]
        pairs = zip(kept[:number], kept[number:], strict=True)
        return [new + (new - old) * weight for new, old in pairs]


class Extrapolated(_LastTwo):
    """Only what was computed is kept, of as many halves as were.

    Args:
        plan: the decisions.
        factors: see `GuidanceCache`.
        conditional: likewise.
        weights: at every call, of the difference of the last two outputs.
        right: whether a call of one half takes its own half of what a whole call has kept, rather
            than the first.
    """

    def __init__(
        self,
        plan: Plan,
        factors: Sequence[tuple[float, float]],
        conditional: Half,
        weights: Sequence[float],
        right: bool,
    ) -> None:
        super().__init__(plan, factors, conditional, weights)
        self._right = right
        self._halves: dict[Any, tuple[int, int]] = {}

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        """Also note of how many halves they are."""
        before = self._halves[address][0] if address in self.memory else at.rows
        self._halves[address] = at.rows, before
        return super().kept(at, address, tensors)

    def made(self, at: At, address: Any, kept: Sequence[Tensor]) -> Sequence[Tensor]:
        """Extrapolate, of the halves that this call computes."""
        number = len(kept) // 2
        new, old = self._halves[address]
        halves = [new] * number + [old] * number
        fitting = [self._fitted(at, *pair) for pair in zip(kept, halves, strict=True)]
        return self.extrapolated(at, fitting)

    def _fitted(self, at: At, tensor: Tensor, halves: int) -> Tensor:
        if halves == at.rows:
            return tensor
        if at.rows == 2:
            return tensor.repeat(2, *[1] * (tensor.dim() - 1))
        first: Tensor = tensor.chunk(2)[0]
        return self.conditional_half(tensor) if self._right else first


class Fed(_LastTwo):
    """Only the conditional half is kept, and what was extrapolated is kept as if computed."""

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        """Of a whole call the half that has the prompt."""
        if at.rows == 2:
            tensors = tuple(self.conditional_half(tensor) for tensor in tensors)
        return super().kept(at, address, tensors)

    def site_output(self, at: At, site: Site, gate: Tensor | None) -> Any:
        """Extrapolate, and keep the result for the calls after this."""
        address = at.lane, site
        made = self.extrapolated(at, self.memory.get(address, last=False))
        if self.plan_uses_later(at, site):
            self.memory.put(address, self.kept(at, address, tuple(made)))
        else:
            self.memory.forget(address)
        if gate is not None:
            return gate * made[0]
        return made[0] if len(made) == 1 else tuple(made)

    def plan_uses_later(self, at: At, site: Site) -> bool:
        """Whether what a site has kept is needed after this call."""
        group, block = site
        source = self._source[group][at.call][block]
        return bool(self._last_use[group][source][block] > at.call)
