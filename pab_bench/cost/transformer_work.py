"""What every site of a transformer does in one call, when it computes and when it reuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from pab_bench.cost.block_meter import BlockMeter, size_of
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.work import Work, total
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BroadcastObject, Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import (
    Architecture,
    Block,
    BlockForward,
    Visit,
    depths_of,
    transformers_of,
)
from pab_bench.engine.stack import StackBlock, stack_of, stack_sites
from pab_bench.engine.whole_calls import value_of


@dataclass(frozen=True)
class SiteWork:
    """One site in one transformer call.

    Attributes:
        computed: its work when it computes.
        reused: when it reuses; nothing, unless only its attention scores are reused.
        kept: number of elements and dtype of every tensor that is kept of it.
    """

    computed: Work
    reused: Work
    kept: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class StackWork:
    """One index of the stack in one transformer call: a block, or a pair of them.

    Attributes:
        sites: what is within it.
        around: its work outside of these sites, which is not done where it is left out.
        tokens: number of elements and dtype of every stream that leaves it.
    """

    sites: tuple[tuple[Group, int], ...]
    around: Work
    tokens: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class TransformerWork:
    """One transformer call.

    Attributes:
        sites: per group the sites of all blocks.
        order: in which order the sites are visited.
        rest: work outside the sites: embeddings of patches, text and timestep, the final layer.
        stack: the blocks in order; empty where the architecture does not tell them.
        output: number of elements and dtype of what the transformer predicts.
    """

    sites: Mapping[Group, tuple[SiteWork, ...]]
    order: tuple[tuple[Group, int], ...]
    rest: Work
    stack: tuple[StackWork, ...] = ()
    output: tuple[int, str] = (0, "float32")

    def of(self, group: Group) -> Work:
        """All computing sites of a group."""
        return total(site.computed for site in self.sites[group])

    @property
    def total(self) -> Work:
        """A call in which everything computes."""
        return total(map(self.of, self.sites)) + self.rest


def transformer_work(
    architecture: Architecture,
    inputs: Mapping[str, Any],
    broadcast_object: BroadcastObject = "output",
) -> TransformerWork:
    """Count one call in which every site computes, and one in which every site reuses.

    Args:
        architecture: its transformer lies on the `meta` device.
        inputs: what it is called with, on the `meta` device too.
        broadcast_object: which tensor is kept.
    """
    depths = depths_of(architecture)
    source = {group: np.zeros((2, blocks), dtype=np.int64) for group, blocks in depths.items()}
    plan = Plan((0, 0), architecture.depth, source)
    with torch.no_grad(), WorkCounter() as counter:
        probe = _WorkProbe(counter)
        with (
            Engine(WithoutTimestep(architecture), plan, broadcast_object, probe=probe) as engine,
            BlockMeter(stack_of(architecture), counter) as meter,
        ):
            output = value_of(architecture.transformer(**inputs))
            kept = {(key[0], key[2]): sizes for key, sizes in engine.cache.sizes().items()}
            meter.stop()
            architecture.transformer(**inputs)
    computed, reused = probe.calls
    sites = {
        group: tuple(
            SiteWork(computed[group, block], reused[group, block], tuple(kept[group, block]))
            for block in range(blocks)
        )
        for group, blocks in depths.items()
    }
    rest = probe.totals[0] - total(computed.values())
    stack = tuple(
        StackWork(own, meter.work[i] - total(computed[site] for site in own), meter.tokens[i])
        for i, own in enumerate(stack_sites(stack_of(architecture)))
    )
    return TransformerWork(sites, tuple(computed), rest, stack, size_of(output))


def step_work(
    architecture: Architecture,
    calls: Sequence[Mapping[str, Any]],
    broadcast_object: BroadcastObject = "output",
) -> tuple[TransformerWork, ...]:
    """Count all calls of a denoising step; calls with the same inputs are counted once.

    Args:
        architecture: its transformer lies on the `meta` device.
        calls: what it is called with, for every lane.
        broadcast_object: which tensor is kept.
    """
    counted: list[TransformerWork] = []
    for lane, inputs in enumerate(calls):
        known = next((n for n in range(lane) if _are_equal(calls[n], inputs)), None)
        work = transformer_work(architecture, inputs, broadcast_object) if known is None else None
        counted.append(work or counted[known or 0])
    return tuple(counted)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two inputs are the same: numbers, too, since masks have them."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        alike = (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
        return alike and (one.is_meta or torch.equal(one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_are_equal(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return type(one) is type(other) and bool(one == other)


class _WorkProbe:
    """Notes the counter's growth in each site and in each call."""

    def __init__(self, counter: WorkCounter) -> None:
        self.calls: list[dict[tuple[Group, int], Work]] = []
        self.totals: list[Work] = []
        self._counter = counter

    def begin_call(self, lane: int, call: int) -> None:
        self.calls.append({})
        self._call_start = self._counter.work

    def end_call(self) -> None:
        self.totals.append(self._counter.work - self._call_start)

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        self._site = group, block
        self._site_start = self._counter.work

    def end_site(self) -> None:
        self.calls[-1][self._site] = self._counter.work - self._site_start


class WithoutTimestep:
    """An architecture whose timesteps cannot be read, since they lie on the `meta` device.

    Args:
        architecture: on that device.
    """

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self.transformer: nn.Module = architecture.transformer
        self.groups = architecture.groups
        self.depth = architecture.depth
        self.depths = depths_of(architecture)
        self.transformers = transformers_of(architecture)

    def blocks(self) -> Sequence[Block]:
        """Its own."""
        return self._architecture.blocks()

    def stack(self) -> Sequence[StackBlock]:
        """Its own."""
        return stack_of(self._architecture)

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Not told: calls are told apart by their order."""

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """Its own."""
        return self._architecture.block_forward(block, visit)
