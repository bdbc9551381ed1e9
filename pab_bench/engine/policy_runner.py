"""Asks a policy wherever it wants to be asked, and enters in the ledger what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from torch import nn

from pab_bench.engine.kept import through
from pab_bench.engine.kinds import Group
from pab_bench.engine.ledger import Ledger
from pab_bench.engine.memory import Memory, Origin
from pab_bench.engine.places import At, CallDecision, Look
from pab_bench.engine.policy import Policy
from pab_bench.engine.sites import Architecture, Compute, Gate, Output, transformers_of
from pab_bench.engine.stack import StackRunner, stack_of
from pab_bench.engine.whole_calls import CallRunner

Around = Callable[[Callable[..., Any]], Callable[..., Any]]
"""From the forward of a module to what takes its place."""


class PolicyRunner:
    """The policy of the current video in the places where it acts.

    Args:
        make: gives a policy, for every video a new one.
        architecture: of the transformer.
        watches: whether it is noted what every output that is not computed was made of.

    Raises:
        ValueError: if a policy acts on a stack that the architecture does not tell.
    """

    def __init__(
        self, make: Callable[[], Policy], architecture: Architecture, watches: bool = False
    ) -> None:
        self._make, self._watches = make, watches
        self.policy = make()
        self._ledger: Ledger
        self._transformers = transformers_of(architecture)
        stack = stack_of(architecture) if "stack" in self.policy.places else ()
        if "stack" in self.policy.places and not stack:
            raise ValueError("the architecture does not tell its blocks in order")
        each = len(stack) // len(self._transformers)
        self._stacks = [stack[i : i + each] for i in range(0, len(stack), each or 1)]
        self._runners = [
            StackRunner(own, lambda: self.policy, self._notes, self.supply) for own in self._stacks
        ]
        self._calls = [
            CallRunner(lambda: self.policy, self._decided, self._call_output)
            for _ in self._transformers
            if "call" in self.policy.places
        ]
        self._transformer = 0

    def start_video(self, memory: Memory, ledger: Ledger) -> None:
        """Begin with a policy that knows nothing."""
        self.policy = self._make()
        self.policy.memory = self._memory = memory
        self.policy.gates = {}
        self._ledger = ledger

    def _notes(self) -> Ledger:
        return self._ledger

    def replacements(self) -> Sequence[tuple[nn.Module, Around]]:
        """Modules whose forward is replaced, after that of the sites, and by what."""
        blocks = [
            (block.module, _at(runner, position))
            for own, runner in zip(self._stacks, self._runners, strict=True)
            for position, block in enumerate(own)
        ]
        calls = [
            (transformer, runner.around)
            for transformer, runner in zip(self._transformers, self._calls, strict=False)
        ]
        return [*blocks, *calls]

    @property
    def asks_sites(self) -> bool:
        """Whether sites are the policy's to decide, rather than the plan's."""
        return "site" in self.policy.places

    def begin_call(self, at: At, transformer: int) -> None:
        """A transformer is about to be called; what another one has computed is forgotten."""
        if at.begins and at.lane == 0:
            self._memory.clear()
        self._memory.begin_call(at.lane, at.call)
        self._transformer = transformer
        if self._calls:
            self._calls[transformer].begin_call(at)
        else:
            self._begun(at)

    def supply(self, give: Callable[[], Any]) -> tuple[Any, set[Origin] | None]:
        """Let the policy give an output, and tell what it was made of if that is noted."""
        if not self._watches:
            return give(), None
        self._memory.begin_supply()
        return give(), self._memory.end_supply()

    def _call_output(self, at: At, look: Look) -> Any:
        given, origins = self.supply(lambda: self.policy.call_output(at, look))
        if origins is not None:
            for group, visits in self._ledger.visits.items():
                for block in range(visits.shape[2]):
                    self._ledger.supplied(group, at.lane, at.call, block, origins)
        return given

    def _decided(self, at: At, decision: CallDecision) -> None:
        if decision is CallDecision.REUSE:
            self._ledger.call_skipped(at.lane, at.call)
            return
        self._ledger.rows[at.lane, at.call] = decision.rows
        self._begun(at)

    def _begun(self, at: At) -> None:
        self._at = at
        if self._runners:
            self._runners[self._transformer].begin_call(at)

    def visit(self, group: Group, block: int, compute: Compute, gate: Gate) -> Output:
        """Let the policy decide whether a site computes."""
        at, site = self._at, (group, block)
        if self.policy.reuses(at, site):
            self._ledger.reused(group, at.lane, at.call, block)
            if not self._watches:
                return cast("Output", self.policy.site_output(at, site, gate))
            given, origins = self.supply(lambda: self.policy.site_output(at, site, gate))
            self._ledger.supplied(group, at.lane, at.call, block, origins or set())
            return cast("Output", given)
        ungated = compute()
        self._ledger.computed(group, at.lane, at.call, block)
        self.policy.site_ended(at, site, ungated, gate)
        return through(gate, ungated)


def _at(runner: StackRunner, position: int) -> Around:
    return lambda own: runner.around(position, own)
