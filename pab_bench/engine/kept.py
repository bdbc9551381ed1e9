"""What of a site is kept for later calls, and how an output is made of it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

import torch
from torch import nn

from pab_bench.engine.attention_scores import (
    KeepProbabilities,
    NoAttention,
    UseProbabilities,
    query_key_layers,
)
from pab_bench.engine.kinds import BroadcastObject, Group
from pab_bench.engine.sites import Compute, Gate, Output


class Computed(NamedTuple):
    """A site's output before its gate and after it, and what is kept of it."""

    ungated: Output
    gated: Output
    kept: Sequence[torch.Tensor]


class Keep(Protocol):
    """How the sites of one group compute what is kept, and what they put out when they reuse."""

    def compute(self, block: int, compute: Compute, gate: Gate) -> Computed:
        """Compute a site of which something is needed later."""
        ...

    def restore(
        self,
        block: int,
        kept: Sequence[torch.Tensor],
        compute: Compute,
        gate: Gate,
    ) -> Output:
        """What a site adds to the residual stream when it reuses what was kept of it."""
        ...


def keep_of(
    group: Group, broadcast_object: BroadcastObject, modules: Iterable[tuple[int, nn.Module]]
) -> Keep:
    """The way in which a group keeps a broadcast object.

    Args:
        group: the group.
        broadcast_object: which tensor is kept.
        modules: the blocks of the group's branch with their indices; several have the same index
            where there are several transformers.
    """
    if broadcast_object == "ungated":
        return KeepUngated()
    if broadcast_object == "scores" and group.kind != "mlp":
        return KeepScores(group, modules)
    return KeepOutput()


class KeepOutput:
    """Keeps what is added to the residual stream: the gate is that of the call that computed it."""

    def compute(self, block: int, compute: Compute, gate: Gate) -> Computed:
        """Compute, and keep the output after the gate."""
        ungated = compute()
        gated = through(gate, ungated)
        return Computed(ungated, gated, _tensors(gated))

    def restore(
        self,
        block: int,
        kept: Sequence[torch.Tensor],
        compute: Compute,
        gate: Gate,
    ) -> Output:
        """The very output that was kept."""
        return _output(kept)


class KeepUngated:
    """Keeps the module's output, which goes through the gate of the call that reuses it."""

    def compute(self, block: int, compute: Compute, gate: Gate) -> Computed:
        """Compute, and keep the output before the gate."""
        ungated = compute()
        return Computed(ungated, through(gate, ungated), _tensors(ungated))

    def restore(
        self,
        block: int,
        kept: Sequence[torch.Tensor],
        compute: Compute,
        gate: Gate,
    ) -> Output:
        """The output that was kept, times the new gate."""
        return through(gate, _output(kept))


class KeepScores:
    """Keeps the attention probabilities, which are multiplied with the values of the new call.

    Args:
        group: its group, of a kind that attends.
        modules: the blocks of the group's branch with their indices.
    """

    def __init__(self, group: Group, modules: Iterable[tuple[int, nn.Module]]) -> None:
        self._group = group
        self._unneeded: dict[int, dict[int, Fraction]] = {}
        for index, module in modules:
            self._unneeded.setdefault(index, {}).update(query_key_layers(module))

    def compute(self, block: int, compute: Compute, gate: Gate) -> Computed:
        """Compute with attention in the open, and keep its probabilities.

        Raises:
            NoAttention: if the module does not call `scaled_dot_product_attention`.
        """
        with KeepProbabilities() as keeping:
            ungated = compute()
        if not keeping.kept:
            raise NoAttention(
                f"{self._group.description} of block {block} does not call PyTorch's "
                "scaled_dot_product_attention: its scores cannot be kept"
            )
        return Computed(ungated, through(gate, ungated), keeping.kept)

    def restore(
        self,
        block: int,
        kept: Sequence[torch.Tensor],
        compute: Compute,
        gate: Gate,
    ) -> Output:
        """Compute everything but queries, keys and scores."""
        with UseProbabilities(kept, self._unneeded[block]):
            ungated = compute()
        return through(gate, ungated)


def through(gate: Gate, ungated: Output) -> Output:
    """An output behind its gate; itself where there is none.

    Raises:
        TypeError: if not every tensor has a gate of its own.
    """
    if gate is None:
        return ungated
    if isinstance(ungated, torch.Tensor) and isinstance(gate, torch.Tensor):
        return gate * ungated
    outputs, gates = _tensors(ungated), _tensors(gate)
    if len(outputs) != len(gates):
        raise TypeError(f"a site with {len(outputs)} tensors has {len(gates)} gates")
    return _output([own * output for own, output in zip(gates, outputs, strict=True)])


def video(output: Output) -> torch.Tensor:
    """Of an output what belongs to the video's tokens."""
    return output[0] if isinstance(output, tuple) else output


def video_gate(gate: Gate) -> torch.Tensor | None:
    """What the output for the video's tokens is multiplied by."""
    return None if gate is None else video(gate)


def _tensors(output: Output) -> tuple[torch.Tensor, ...]:
    return output if isinstance(output, tuple) else (output,)


def _output(kept: Sequence[torch.Tensor]) -> Output:
    return kept[0] if len(kept) == 1 else tuple(kept)
