"""Attaches a plan to a transformer. The only code that replaces a module's `forward`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.broadcast.attention_scores import (
    KeepProbabilities,
    NoAttention,
    UseProbabilities,
    query_key_layers,
)
from pab_bench.broadcast.cache import Cache
from pab_bench.broadcast.cache_options import CacheOptions
from pab_bench.broadcast.kinds import Branch, Group
from pab_bench.broadcast.ledger import Ledger
from pab_bench.broadcast.plan import Plan
from pab_bench.broadcast.sites import Architecture, Compute, Visit
from pab_bench.errors import PabBenchError

BroadcastObject = Literal["output", "ungated", "scores"]
"""Which tensor is kept: the output after the gate (upstream's PAB) or before it (diffusers' hook),
or the attention probabilities, which new values are then multiplied with (the ablation in Table 3
of the paper). Cross-attention has no gate: the first two mean the module's output. MLPs have no
scores: with `scores` they keep the output after the gate."""

BROADCAST_OBJECTS: tuple[BroadcastObject, ...] = ("output", "ungated", "scores")


Key = tuple[Group, int, int, int]
"""Of what is kept: group, lane, block, and the call that computed it."""


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
        gate: torch.Tensor | None,
        gated: torch.Tensor,
    ) -> None:
        """A site has computed its output: before the gate, and after it.

        Without a gate both are the same tensor. None of them may be changed.
        """
        ...


class Probe(Protocol):
    """Something that stands around every site and call, for example a clock."""

    def begin_call(self, lane: int, call: int) -> None:
        """The transformer is about to be called."""
        ...

    def end_call(self) -> None:
        """That call has returned."""
        ...

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        """A site of the current call is about to compute, or to reuse."""
        ...

    def end_site(self) -> None:
        """That site has its output."""
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

    Attributes:
        plan: the decisions.
        ledger: what happened in the current video.
        cache: what is kept at the moment.

    Args:
        architecture: what to attach to.
        plan: the decisions.
        broadcast_object: which tensor is kept.
        observers: are shown every computed output. Observing needs every site to be computed, so
            a plan that reuses anything is refused together with observers.
        lanes: transformer calls per denoising step: 1 where the guidance batch is one call, 2
            where the conditional and the unconditional half are called in turn.
        cache: in which dtype and where outputs are kept.
        probe: stands around every site and call; without one, nothing of it is executed.

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
        cache: CacheOptions | None = None,
        probe: Probe | None = None,
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
        self._architecture = architecture
        self._keep_gated = {
            group: broadcast_object == "output"
            or (broadcast_object == "scores" and group.kind == "mlp")
            for group in plan.source
        }
        self._keep_scores = {
            group: broadcast_object == "scores" and group.kind != "mlp" for group in plan.source
        }
        self._unneeded: dict[tuple[Branch, int], dict[int, Fraction]] = {}
        self.cache: Cache[Key] = Cache(cache)
        self._probe = probe
        self._observers = tuple(observers)
        self._lanes = lanes
        # Nested lists: indexing numpy arrays element by element is several times slower.
        self._source = {group: table.tolist() for group, table in plan.source.items()}
        self._last_use = {group: plan.last_use(group).tolist() for group in plan.source}
        self._replaced: list[tuple[nn.Module, Callable[..., Any] | None]] = []
        self._hooks: list[RemovableHandle] = []
        self.start_video()

    def start_video(self) -> None:
        """Forget everything about the video so far."""
        self.ledger = Ledger(self.plan, self._lanes)
        self.cache.clear()
        self._done = 0
        self._lane = self._call = -1
        for observer in self._observers:
            observer.start_video()

    @property
    def peak_cache_bytes(self) -> int:
        """The most that was held at once."""
        return self.cache.peak_bytes

    def __enter__(self) -> Self:
        """Attach."""
        if self._hooks:
            raise RuntimeError("already attached; leave the context first")
        self.start_video()
        transformer = self._architecture.transformer
        self._hooks.append(
            transformer.register_forward_pre_hook(self._begin_call, with_kwargs=True)
        )
        visit: Visit = self._visit
        if self._probe is not None:
            visit = self._probed(self._probe)
            self._hooks.append(transformer.register_forward_hook(self._end_call))
        for block in self._architecture.blocks():
            # An instance's own `forward` (an offloading hook, say) must come back as it was.
            own = block.module.__dict__.get("forward")
            self._replaced.append((block.module, own))
            if any(self._keep_scores.values()):
                self._unneeded[block.branch, block.index] = query_key_layers(block.module)
            forward = self._architecture.block_forward(block, visit)
            block.module.forward = forward  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore every module and drop what was kept."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for module, own in self._replaced:
            if own is None:
                del module.forward
            else:
                module.forward = own  # type: ignore[method-assign]
        self._replaced.clear()
        self.cache.clear()

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
        if self._probe is not None:
            self._probe.begin_call(self._lane, self._call)

    def _end_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._probe is not None:
            self._probe.end_call()

    def _probed(self, probe: Probe) -> Visit:
        def visit(
            group: Group, block: int, compute: Compute, gate: torch.Tensor | None
        ) -> torch.Tensor:
            probe.begin_site(group, block, self._source[group][self._call][block] != self._call)
            output = self._visit(group, block, compute, gate)
            probe.end_site()
            return output

        return visit

    def _visit(
        self, group: Group, block: int, compute: Compute, gate: torch.Tensor | None
    ) -> torch.Tensor:
        call, lane = self._call, self._lane
        source = self._source[group][call][block]
        if source != call:
            return self._reuse(group, block, source, compute, gate)
        keeps = self._last_use[group][call][block] > call
        scores: list[torch.Tensor] | None = None
        if keeps and self._keep_scores[group]:
            ungated, scores = self._compute_scores(group, block, compute)
        else:
            ungated = compute()
        gated = ungated if gate is None else gate * ungated
        self.ledger.computed(group, lane, call, block)
        if keeps:
            kept = scores or [gated if self._keep_gated[group] else ungated]
            self.cache.put((group, lane, block, call), kept)
        for observer in self._observers:
            observer.observe(group, block, call, ungated, gate, gated)
        return gated

    def _compute_scores(
        self, group: Group, block: int, compute: Compute
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        with KeepProbabilities() as keeping:
            ungated = compute()
        if not keeping.kept:
            raise NoAttention(
                f"{group.name} attention of block {block} does not call PyTorch's "
                "scaled_dot_product_attention: its scores cannot be kept"
            )
        return ungated, keeping.kept

    def _reuse(
        self, group: Group, block: int, source: int, compute: Compute, gate: torch.Tensor | None
    ) -> torch.Tensor:
        call, lane = self._call, self._lane
        last = self._last_use[group][source][block] == call
        kept = self.cache.get((group, lane, block, source), last)
        self.ledger.reused(group, lane, call, block)
        if self._keep_scores[group]:
            with UseProbabilities(kept, self._unneeded[group.branch, block]):
                ungated = compute()
            return ungated if gate is None else gate * ungated
        return kept[0] if gate is None or self._keep_gated[group] else gate * kept[0]
