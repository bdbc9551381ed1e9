"""Policies of methods that have a plan: they look up what to do, and keep what is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

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
from pab_bench.engine.policy import Policy

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan


class FollowSites(Policy):
    """Sites put out what they computed last, before the gate, wherever the plan says so.

    Args:
        plan: the decisions.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"site"})

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # Nested lists: indexing arrays element by element is several times slower.
        self._source = {group: table.tolist() for group, table in plan.source.items()}
        self._last_use = {group: plan.last_use(group).tolist() for group in plan.source}

    def reuses(self, at: At, site: Site) -> bool:
        """Look it up."""
        group, block = site
        return bool(self._source[group][at.call][block] != at.call)

    def site_ended(self, at: At, site: Site, ungated: Any, gate: Gate) -> None:
        """Keep the output if a later call needs it."""
        group, block = site
        address = at.lane, site
        if self._last_use[group][at.call][block] > at.call:
            tensors = ungated if isinstance(ungated, tuple) else (ungated,)
            self.memory.put(address, self.kept(at, address, tensors))
        else:
            self.memory.forget(address)

    def site_output(self, at: At, site: Site, gate: Gate) -> Any:
        """Make the output of what was kept."""
        group, block = site
        source = self._source[group][at.call][block]
        last = self._last_use[group][source][block] == at.call
        address = at.lane, site
        tensors = self.made(at, address, self.memory.get(address, last))
        if gate is not None:
            gates = gate if isinstance(gate, tuple) else (gate,)
            tensors = [own * tensor for own, tensor in zip(gates, tensors, strict=True)]
        return tensors[0] if len(tensors) == 1 else tuple(tensors)

    def kept(self, at: At, address: Any, tensors: Tensors) -> Sequence[Tensor]:
        """Say what is kept of an output; `address` has what was kept of the one before."""
        return tensors

    def made(self, at: At, address: Any, kept: Sequence[Tensor]) -> Sequence[Tensor]:
        """Say what a site puts out before its gate, of what was kept at an address."""
        return kept


class FollowRuns(Policy):
    """Runs of blocks are left out, and what they changed last is added, where the plan says so.

    Args:
        plan: the decisions, with a stack.
        runs: at every call the run that is left out or kept; None = none.
        sign: what was changed is added times this.

    Attributes:
        streams: of how many streams of tokens it is added; the others leave as they came. None =
            of all.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"stack"})
    streams: ClassVar[int | None] = None

    def __init__(self, plan: Plan, runs: Sequence[Run | None], sign: int = 1) -> None:
        assert plan.stack is not None
        self._runs, self._sign = runs, sign
        self._out = [
            run is not None and bool(plan.stack[call, run.first] != call)
            for call, run in enumerate(runs)
        ]

    def run(self, at: At) -> Run | None:
        """Look it up."""
        return self._runs[at.call]

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        """Look it up."""
        return self._out[at.call]

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        """Keep what the run has changed, if a later call needs it."""
        later = range(at.call + 1, len(self._out))
        needed = next((self._out[c] for c in later if self._runs[c] == entrance.run), False)
        if needed:
            pairs = list(zip(tokens, entrance.tokens, strict=True))[: self.streams]
            changes = [left - came for left, came in pairs]
            self.memory.put((at.lane, entrance.run), changes)

    def run_output(self, at: At, entrance: Entrance) -> Tensors:
        """Add it."""
        later = range(at.call + 1, len(self._out))
        last = not next((self._out[c] for c in later if self._runs[c] == entrance.run), False)
        changes = self.memory.get((at.lane, entrance.run), last)
        changed = tuple(
            came + self._sign * change
            for came, change in zip(entrance.tokens, changes, strict=False)
        )
        return (*changed, *entrance.tokens[len(changed) :])


class FollowCalls(Policy):
    """Whole calls are left out where the plan says so.

    Args:
        plan: the decisions, with `called`.
    """

    places: ClassVar[frozenset[Place]] = frozenset({"call"})

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def at_call(self, at: At, look: Look) -> CallDecision:
        """Look it up."""
        return CallDecision.COMPUTE if self.plan.is_called(at.call) else CallDecision.REUSE
