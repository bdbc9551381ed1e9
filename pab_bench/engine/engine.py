"""Attaches a plan to a transformer. The only code that replaces a module's `forward`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.engine.boundaries import crosses_transformers
from pab_bench.engine.cache import Cache
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kept import Keep, keep_of, through, video, video_gate
from pab_bench.engine.kinds import BROADCAST_OBJECTS, BroadcastObject, Group
from pab_bench.engine.ledger import Ledger, LedgerMismatch
from pab_bench.engine.memory import Memory
from pab_bench.engine.observation import Observer, Probe, SiteOutput
from pab_bench.engine.places import At
from pab_bench.engine.plan import Plan
from pab_bench.engine.policy import Policy
from pab_bench.engine.policy_runner import PolicyRunner
from pab_bench.engine.sites import (
    Architecture,
    Compute,
    Gate,
    Output,
    Visit,
    depths_of,
    transformers_of,
)
from pab_bench.errors import PabBenchError

Address = tuple[Group, int, int, int]
"""Of what is kept: group, lane, block, and the call that computed it."""


class PlanMismatch(PabBenchError):
    """The sampler calls the transformer otherwise than the plan expects."""


class Engine:
    """A context in which a transformer, or several that are called in turn, follow a plan.

    ::

        with Engine(architecture, plan) as engine:
            pipeline(...)
        engine.ledger.check(plan)

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
        policy: makes what decides where the plan's table of sites does not say all; called for
            every video. Without one the table is followed, and nothing is asked.

    Raises:
        ValueError: if plan and architecture do not fit, or a plan needs a policy.
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
        policy: Callable[[], Policy] | None = None,
    ) -> None:
        if broadcast_object not in BROADCAST_OBJECTS:
            raise ValueError(
                f"broadcast_object: expected one of {BROADCAST_OBJECTS}, got {broadcast_object!r}"
            )
        planned = {group: table.shape[1] for group, table in plan.source.items()}
        if planned != (own := depths_of(architecture)):
            raise ValueError(f"the plan is for {_blocks(planned)}, the model has {_blocks(own)}")
        self._transformers = transformers_of(architecture)
        if max(plan.transformers, default=0) >= len(self._transformers):
            raise ValueError(
                f"the plan is for {max(plan.transformers) + 1} transformers, the model has "
                f"{len(self._transformers)}"
            )
        if crosses_transformers(plan):
            raise ValueError("the plan uses what another transformer has computed")
        if observers and not plan.is_baseline():
            raise ValueError("observers need a plan that reuses nothing")
        if policy is None and not plan.sites_only:
            raise ValueError("the plan is one of more than sites: it needs the method's policy")
        self.plan = plan
        self._architecture = architecture
        self._object: BroadcastObject = broadcast_object
        self.cache: Cache[Address] = Cache(cache) if policy is None else Memory(cache)
        self._probe = probe
        self._observers = tuple(observers)
        self._lanes = lanes
        # Nested lists: indexing numpy arrays element by element is several times slower.
        self._source = {group: table.tolist() for group, table in plan.source.items()}
        self._last_use = {group: plan.last_use(group).tolist() for group in plan.source}
        self._keep: dict[Group, Keep] = {}
        self._asked = None
        if policy is not None:
            self._asked = PolicyRunner(policy, architecture, watches=plan.is_open)
        self._replaced: list[tuple[nn.Module, str, Callable[..., Any] | None]] = []
        self._hooks: list[RemovableHandle] = []
        self.start_video()

    def start_video(self) -> None:
        """Forget everything about the video so far."""
        self.ledger = Ledger(self.plan, self._lanes)
        self.cache.clear()
        self._done = 0
        self._lane = self._call = -1
        self._begins = True
        if self._asked is not None and isinstance(self.cache, Memory):
            self._asked.start_video(self.cache, self.ledger)
        for observer in self._observers:
            observer.start_video()

    def go_to(self, call: int) -> None:
        """Make a call of the plan the next one, whatever was called before; what is kept stays.

        For calls out of their order, as they are timed. The ledger then says what was visited, and
        nothing of how often.
        """
        self._done = call * self._lanes

    @property
    def peak_cache_bytes(self) -> int:
        """The most that was held at once."""
        return self.cache.peak_bytes

    @property
    def gates(self) -> Mapping[tuple[int, int], float]:
        """By lane and call the number by which the policy has decided in this video."""
        return {} if self._asked is None else self._asked.policy.gates

    @property
    def gate_decisions(self) -> Mapping[tuple[int, int], bool]:
        """Likewise whether that number means that everything computes, where it alone decides."""
        if self._asked is None:
            return {}
        decided = {at: self._asked.policy.gate_decides(own) for at, own in self.gates.items()}
        return {at: computes for at, computes in decided.items() if computes is not None}

    def check_gates(self) -> None:
        """Compare what happened in this video with the numbers by which the policy has decided.

        Raises:
            LedgerMismatch: naming the first call that did something else.
        """
        for (lane, call), computes in sorted(self.gate_decisions.items()):
            if computes == self.ledger.leaves_out(lane, call):
                number = self.gates[lane, call]
                said, did = "computes", "left something out"
                said, did = (said, did) if computes else ("leaves something out", "computed all")
                raise LedgerMismatch(
                    f"call {call} of lane {lane} (timestep {self.plan.timesteps[call]}) {did}; the "
                    f"method's number {number:.6g} means that it {said}"
                )

    def __enter__(self) -> Self:
        """Attach."""
        if self._hooks:
            raise RuntimeError("already attached; leave the context first")
        self.start_video()
        asked = self._asked
        visit: Visit = self._visit if asked is None or not asked.asks_sites else asked.visit
        if self._probe is not None:
            visit = self._probed(self._probe, visit)
        for transformer in self._transformers:
            self._hooks.append(
                transformer.register_forward_pre_hook(self._begin_call, with_kwargs=True)
            )
            if self._probe is not None:
                self._hooks.append(transformer.register_forward_hook(self._end_call))
        blocks = self._architecture.blocks()
        for group in self.plan.source:
            modules = [(b.index, b.module) for b in blocks if b.branch == group.branch]
            self._keep[group] = keep_of(group, self._object, modules)
        for block in blocks:
            self._replace(block.module, self._architecture.block_forward(block, visit))
        for module, around in () if asked is None else asked.replacements():
            self._replace(module, around(getattr(module, _name_of_forward(module))))
        return self

    def _replace(self, module: nn.Module, forward: Callable[..., Any]) -> None:
        name = _name_of_forward(module)
        self._replaced.append((module, name, module.__dict__.get(name)))
        setattr(module, name, forward)

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
        for module, name, own in reversed(self._replaced):  # Some were replaced twice.
            if own is None:
                delattr(module, name)
            else:  # An instance's own comes back as it was.
                setattr(module, name, own)
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
        if timestep not in (expected, None):
            raise PlanMismatch(
                f"call {self._call} of the transformer has timestep {timestep}, the plan expects "
                f"{expected}; after a video that was broken off, call start_video()"
            )
        if module is not self._transformers[self.plan.transformer(self._call)]:
            raise PlanMismatch(
                f"call {self._call} is one of another transformer than the plan expects "
                f"({self.plan.transformer(self._call)} of {len(self._transformers)}, from 0)"
            )
        self._begins = self.plan.begins(self._call)
        self._done += 1
        self.ledger.rows[self._lane, self._call] = 2
        if self._asked is not None:
            at = At(self._lane, self._call, expected, begins=self._begins)
            self._asked.begin_call(at, self.plan.transformer(self._call))
        if self._probe is not None:
            self._probe.begin_call(self._lane, self._call)

    def _end_call(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._probe is not None:
            self._probe.end_call()

    def _probed(self, probe: Probe, inner: Visit) -> Visit:
        def visit(group: Group, block: int, compute: Compute, gate: Gate) -> Output:
            probe.begin_site(group, block, self._source[group][self._call][block] != self._call)
            output: Output = inner(group, block, compute, gate)
            probe.end_site()
            return output

        return visit

    def _visit(self, group: Group, block: int, compute: Compute, gate: Gate) -> Output:
        call, lane = self._call, self._lane
        source = self._source[group][call][block]
        last_use = self._last_use[group]
        if source != call:
            known = self.cache.get((group, lane, block, source), last_use[source][block] == call)
            self.ledger.reused(group, lane, call, block)
            return self._keep[group].restore(block, known, compute, gate)
        if last_use[call][block] > call:
            ungated, gated, kept = self._keep[group].compute(block, compute, gate)
            self.cache.put((group, lane, block, call), kept)
        else:
            ungated = compute()
            gated = through(gate, ungated)
        self.ledger.computed(group, lane, call, block)
        if self._observers:
            shown = video(ungated), video_gate(gate), video(gated)
            output = SiteOutput(group, block, call, lane, *shown, self._begins)
            for observer in self._observers:
                observer.observe(output)
        return gated


def _blocks(depths: Mapping[Group, int]) -> str:
    """Groups and numbers of blocks, for people."""
    return ", ".join(f"{n} blocks of {g.name}" for g, n in sorted(depths.items()))


def _name_of_forward(module: nn.Module) -> str:
    """What a module's computation is called: offloading by accelerate has put another before it.

    That one brings the module's own parameters to the device, and must stay.
    """
    return "_old_forward" if hasattr(module, "_hf_hook") else "forward"
