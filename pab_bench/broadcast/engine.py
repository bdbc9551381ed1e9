"""Attaches a plan to a transformer. The only code that replaces a module's `forward`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.broadcast.kinds import Group
from pab_bench.broadcast.ledger import Ledger
from pab_bench.broadcast.plan import Plan
from pab_bench.broadcast.sites import Architecture, Compute
from pab_bench.errors import PabBenchError

BroadcastObject = Literal["output", "ungated"]
"""Which tensor is kept: the output after the gate (upstream's PAB) or before it (diffusers' hook).
Cross-attention has no gate: both mean the module's output."""

BROADCAST_OBJECTS: tuple[BroadcastObject, ...] = ("output", "ungated")


class PlanMismatch(PabBenchError):
    """The sampler calls the transformer otherwise than the plan expects."""


class Observer(Protocol):
    """Something that looks at every computed output, for example a recorder of differences."""

    def start_video(self) -> None:
        """A new video begins."""
        ...

    def observe(
        self,
        group: Group,
        block: int,
        call: int,
        ungated: torch.Tensor,
        gated: torch.Tensor,
    ) -> None:
        """A site has computed its output: before the gate, and after it."""
        ...


class Broadcast:
    """A context in which a transformer follows a plan.

    ::

        with Broadcast(architecture, plan) as broadcast:
            pipeline(...)
        broadcast.ledger.check(plan)

    State is new for every video: when all calls of the plan are done, the next call begins
    another one. After a video that was broken off, `start_video` begins anew. On exit, also after
    an exception, every module has its own `forward` again and nothing is kept.

    Args:
        architecture: what to attach to.
        plan: the decisions.
        broadcast_object: which tensor is kept.
        observers: are shown every computed output. Observing needs every site to be computed, so
            a plan that reuses anything is refused together with observers.
        lanes: transformer calls per denoising step: 1 where the guidance batch is one call, 2
            where the conditional and the unconditional half are called in turn.

    Raises:
        ValueError: if plan and architecture do not fit.
    """

    def __init__(
        self,
        architecture: Architecture,
        plan: Plan,
        broadcast_object: BroadcastObject = "output",
        observers: Sequence[Observer] = (),
        lanes: int = 1,
    ) -> None:
        if broadcast_object not in BROADCAST_OBJECTS:
            raise ValueError(
                f"broadcast_object: expected one of {BROADCAST_OBJECTS}, got {broadcast_object!r}"
            )
        if plan.depth != architecture.depth or set(plan.source) != set(architecture.groups):
            raise ValueError(
                f"the plan is for {plan.depth} blocks with {sorted(g.name for g in plan.source)}, "
                f"the model has {architecture.depth} with "
                f"{sorted(g.name for g in architecture.groups)}"
            )
        if observers and not plan.is_baseline():
            raise ValueError("observers need a plan that reuses nothing")
        self.plan = plan
        self.peak_cache_bytes = 0
        self._architecture = architecture
        self._keep_gated = broadcast_object == "output"
        self._observers = tuple(observers)
        self._lanes = lanes
        # Nested lists: indexing numpy arrays element by element is several times slower.
        self._source = {group: table.tolist() for group, table in plan.source.items()}
        self._last_use = {group: plan.last_use(group).tolist() for group in plan.source}
        self._replaced: list[tuple[nn.Module, Callable[..., Any] | None]] = []
        self._hook: RemovableHandle | None = None
        self.start_video()

    def start_video(self) -> None:
        """Forget everything about the video so far."""
        self.ledger = Ledger(self.plan, self._lanes)
        self._kept: dict[tuple[Group, int, int, int], torch.Tensor] = {}
        self._cache_bytes = 0
        self._done = 0
        self._lane = self._call = -1
        for observer in self._observers:
            observer.start_video()

    def __enter__(self) -> Self:
        """Attach."""
        if self._hook is not None:
            raise RuntimeError("already attached; leave the context first")
        self.start_video()
        self._hook = self._architecture.transformer.register_forward_pre_hook(
            self._begin_call, with_kwargs=True
        )
        for block in self._architecture.blocks():
            # An instance's own `forward` (an offloading hook, say) must come back as it was.
            own = block.module.__dict__.get("forward")
            self._replaced.append((block.module, own))
            forward = self._architecture.block_forward(block, self._visit)
            block.module.forward = forward  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore every module and drop what was kept."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        for module, own in self._replaced:
            if own is None:
                del module.forward
            else:
                module.forward = own  # type: ignore[method-assign]
        self._replaced.clear()
        self._kept.clear()
        self._cache_bytes = 0

    def _begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        if self._done == self.plan.calls * self._lanes:
            self.start_video()
        self._call, self._lane = divmod(self._done, self._lanes)
        expected = self.plan.timesteps[self._call]
        timestep = self._architecture.timestep(args, kwargs)
        if timestep != expected:
            raise PlanMismatch(
                f"call {self._call} of the transformer has timestep {timestep}, the plan expects "
                f"{expected}; after a video that was broken off, call start_video()"
            )
        self._done += 1

    def _visit(
        self, group: Group, block: int, compute: Compute, gate: torch.Tensor | None
    ) -> torch.Tensor:
        call, lane = self._call, self._lane
        source = self._source[group][call][block]
        if source != call:
            return self._reuse(group, block, source, gate)
        ungated = compute()
        gated = ungated if gate is None else gate * ungated
        self.ledger.computed(group, lane, call, block)
        if self._last_use[group][call][block] > call:
            kept = gated if self._keep_gated else ungated
            self._kept[group, lane, block, call] = kept
            self._cache_bytes += kept.numel() * kept.element_size()
            self.peak_cache_bytes = max(self.peak_cache_bytes, self._cache_bytes)
        for observer in self._observers:
            observer.observe(group, block, call, ungated, gated)
        return gated

    def _reuse(
        self, group: Group, block: int, source: int, gate: torch.Tensor | None
    ) -> torch.Tensor:
        call, lane = self._call, self._lane
        key = (group, lane, block, source)
        kept = self._kept[key]
        self.ledger.reused(group, lane, call, block)
        if self._last_use[group][source][block] == call:
            del self._kept[key]
            self._cache_bytes -= kept.numel() * kept.element_size()
        return kept if gate is None or self._keep_gated else gate * kept
