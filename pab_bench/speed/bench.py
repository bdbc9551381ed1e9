"""Calls one model's transformer as the calls of any plan do, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import Group
from pab_bench.engine.observation import Probe
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, depths_of, transformers_of
from pab_bench.speed.captured import Captured
from pab_bench.timings.call_classes import Blocks, CallClass, Keeping


class Bench:
    """A transformer, its input in one step, and the classes of calls that keep outputs in one way.

    It is the engine that carries them out, by a plan that no video follows: its first call computes
    and keeps whatever any class reuses, and every class is a call of its own after it.

    Args:
        architecture: the transformer.
        captured: what it is called with, in every lane; a call is one of all lanes.
        classes: what can be called; all of one `keeping`, or of none.
    """

    def __init__(
        self, architecture: Architecture, captured: Sequence[Captured], classes: Sequence[CallClass]
    ) -> None:
        self._architecture = architecture
        self._captured = captured
        self._calls = {kind: number for number, kind in enumerate(classes, start=1)}
        ways = {kind.keeping for kind in classes} - {None}
        if len(ways) > 1:
            raise ValueError(f"classes that keep outputs in {len(ways)} ways")
        self._keeping = next(iter(ways), None) or Keeping()
        self._engine: Engine | None = None

    @contextmanager
    def attached(self, probe: Probe | None = None) -> Iterator[None]:
        """Attach to the transformer, and compute what is reused."""
        first = self._captured[0]
        timestep = self._architecture.timestep(first.args, first.kwargs)
        # Without a timestep calls are told apart by their order alone.
        plan = bench_plan(list(self._calls), self._architecture, timestep or 0)
        plan = replace(plan, transformers=(first.transformer,) * plan.calls)
        engine = Engine(
            self._architecture,
            plan,
            self._keeping.broadcast_object,
            lanes=len(self._captured),
            cache=self._keeping.cache,
            probe=probe,
        )
        with engine:
            self._engine = engine
            try:
                self._call(0)
                yield
            finally:
                self._engine = None

    def call(self, kind: CallClass) -> None:
        """Make one call of a class; only while attached."""
        self._call(self._calls[kind])

    def _call(self, number: int) -> None:
        if self._engine is None:
            raise RuntimeError("not attached")
        self._engine.go_to(number)
        with torch.no_grad():
            transformers = transformers_of(self._architecture)
            for lane in self._captured:
                transformers[lane.transformer](*lane.args, **lane.kwargs)


def bench_plan(classes: Sequence[CallClass], architecture: Architecture, timestep: int) -> Plan:
    """The plan of a bench: call 0 computes all, call n + 1 is of class n.

    After them come calls that are never made. They reuse what the first one and those that keep
    have computed, so that it is kept, and stays.
    """
    depths = depths_of(architecture)
    keepers = [0, *(n for n, kind in enumerate(classes, start=1) if kind.kept)]
    calls = 1 + len(classes) + len(keepers)
    source = {
        group: np.repeat(np.arange(calls)[:, None], blocks, axis=1)
        for group, blocks in depths.items()
    }
    for number, kind in enumerate(classes, start=1):
        reused, kept = dict(kind.reused), dict(kind.kept)
        for group in depths:
            _enter(source, group, number, reused.get(group.name, ()), 0)
            _enter(source, group, 1 + len(classes), reused.get(group.name, ()), 0)
            if number in keepers:
                after = 1 + len(classes) + keepers.index(number)
                _enter(source, group, after, kept.get(group.name, ()), number)
    return Plan((timestep,) * calls, architecture.depth, source)


def _enter(
    source: dict[Group, npt.NDArray[np.int64]],
    group: Group,
    call: int,
    blocks: Blocks,
    computed_at: int,
) -> None:
    source[group][call, list(blocks)] = computed_at
