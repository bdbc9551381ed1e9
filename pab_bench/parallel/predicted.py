"""Which collectives must follow from decisions, a layout and the size of calls.

Computed beforehand and from nothing that was sent, so that what is recorded can be held against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pab_bench.names import Gather, Split
from pab_bench.parallel.layout import AFTER_BLOCKS, Layout, crossing
from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.size import Size

_ROWS = 2
"""Halves of the guidance batch, where all is computed."""


class Decisions(Protocol):
    """What of a plan decides over communication; `engine.plan.Plan` has all of it."""

    @property
    def calls(self) -> int:
        """Calls of the transformer that a video takes."""
        ...

    @property
    def source(self) -> Mapping[Any, Any]:
        """By group, which has a `name`, the call whose output a site puts out."""
        ...

    @property
    def rows(self) -> Sequence[int]:
        """Halves of the guidance batch per call; empty where all are computed."""
        ...

    def is_called(self, call: int) -> bool:
        """Whether the transformer is called, rather than its output made of others."""
        ...

    def reuse(self, group: Any) -> Any:
        """(calls, blocks): whether a site puts out what was kept."""
        ...

    def is_skipped(self, group: Any) -> Any:
        """(calls, blocks): whether a site is not visited."""
        ...


@dataclass(frozen=True)
class Sharing:
    """How calls are shared out, and of what numbers.

    Attributes:
        method: `dsp`, `ulysses` or `megatron_sp`.
        split: which dimension.
        gather: what is put together behind the last block.
        ranks: that share a sequence.
        heads: of an attention.
        width: of a token.
        gathered_width: numbers per token that are put together.
        element_bytes: of a number inside the transformer.
        halves: how many groups of ranks share out the guidance batch: 1 or 2.
        output: of one row of the transformer's output its shape; needed with two halves.
        output_bytes: of a number of it.
    """

    method: str
    split: Split
    gather: Gather
    ranks: int
    heads: int
    width: int
    gathered_width: int
    element_bytes: int
    halves: int = 1
    output: tuple[int, ...] = ()
    output_bytes: int = 4


def predicted_calls(
    plan: Decisions, layout: Layout, size: Size, sharing: Sharing, scores: bool = False
) -> list[list[Collective]]:
    """Tell the collectives of every call of a video on each rank.

    Args:
        plan: the decisions; of one that is made while sampling, what was decided.
        layout: of the transformer.
        size: of a call before it is shared out.
        sharing: how it is.
        scores: whether probabilities are kept, so that a reused attention calls its module.

    Returns:
        Per call of the plan; nothing where the transformer is not called.

    Raises:
        KeyError: if the plan has no group for the attention across the split.
    """

    def of_call(rows: int, blocks: Sequence[int]) -> list[Collective]:
        own = replace(size, batch=size.batch * rows // _ROWS)
        return predicted_call(layout, own, sharing, blocks)

    return predicted_by_call(plan, crossing(sharing.split), of_call, scores)


def predicted_by_call(
    plan: Decisions,
    branch: str,
    of_call: Callable[[int, Sequence[int]], list[Collective]],
    scores: bool = False,
) -> list[list[Collective]]:
    """Tell the collectives of every call from those of one.

    Args:
        plan: the decisions.
        branch: name of the group whose attention looks across the split.
        of_call: from halves of the guidance batch, and blocks that compute that attention, to the
            collectives of a call.
        scores: whether a reused attention calls its module.
    """
    group = {own.name: own for own in plan.source}[branch]
    computed = ~plan.is_skipped(group) if scores else ~(plan.reuse(group) | plan.is_skipped(group))
    calls: list[list[Collective]] = []
    for call in range(plan.calls):
        if not plan.is_called(call):
            calls.append([])
            continue
        blocks = [block for block, is_computed in enumerate(computed[call]) if is_computed]
        calls.append(of_call(plan.rows[call] if plan.rows else _ROWS, blocks))
    return calls


def predicted_call(
    layout: Layout, size: Size, sharing: Sharing, blocks: Sequence[int]
) -> list[Collective]:
    """Tell the collectives of one call on each rank.

    Args:
        layout: of the transformer.
        size: of the call before it is shared out.
        sharing: how it is.
        blocks: which blocks compute the attention across the split.
    """
    size = replace(size, batch=size.batch // sharing.halves)
    found: list[Collective] = []
    if sharing.ranks > 1:
        for block in blocks:
            found += _of_attention(layout, size, sharing, block)
        share = -(-size.length(sharing.split) // sharing.ranks)
        grid = (share, size.tokens) if sharing.split == "frames" else (size.frames, share)
        tokens = (size.batch, *grid, sharing.gathered_width)
        found.append(_collective("all_gather", AFTER_BLOCKS, sharing, tokens))
    if sharing.halves > 1:
        shape = (size.batch, *sharing.output)
        message = math.prod(shape) * sharing.output_bytes
        found.append(Collective("all_gather", AFTER_BLOCKS, sharing.halves, shape, message))
    return found


def _of_attention(layout: Layout, size: Size, sharing: Sharing, block: int) -> list[Collective]:
    where = f"{crossing(sharing.split)}.{block}"
    before, after = f"{where}.in", f"{where}.out"
    exchange = layout.exchange(size, sharing.split, sharing.ranks)
    rows = exchange.kept * exchange.scattered
    if sharing.method == "dsp":
        shape = exchange.message(sharing.width)
        return [_collective("all_to_all", place, sharing, shape) for place in (before, after)]
    if sharing.method == "ulysses":
        heads, width = sharing.heads // sharing.ranks, sharing.width // sharing.heads
        shape = (rows, heads, exchange.length, width)
        places = (before, before, before, after)
        return [_collective("all_to_all", place, sharing, shape) for place in places]
    shape = (rows, exchange.length, sharing.width)
    return [
        _collective("all_gather", before, sharing, shape),
        _collective("reduce_scatter", after, sharing, shape),
    ]


def _collective(operation: str, where: str, sharing: Sharing, shape: tuple[int, ...]) -> Collective:
    message = math.prod(shape) * sharing.element_bytes
    return Collective(operation, where, sharing.ranks, shape, message)


def sharing_of(
    transformer: Any,
    layout: Layout,
    method: str,
    split: Split,
    gather: Gather,
    ranks: int,
    halves: int,
    latents: Sequence[int],
) -> Sharing:
    """Read from a loaded transformer what its sharing takes.

    Args:
        transformer: of the layout's class.
        layout: its layout.
        method: as `Sharing` has it, like the next ones.
        split: likewise.
        gather: likewise.
        ranks: likewise.
        halves: likewise.
        latents: shape of one row of its input, (channels, frames, height, width).
    """
    weight = next(iter(transformer.parameters()))
    return Sharing(
        method,
        split,
        gather,
        ranks,
        layout.heads(transformer),
        layout.gathered_width(transformer, "hidden"),
        layout.gathered_width(transformer, gather),
        weight.element_size(),
        halves,
        (layout.output_channels(transformer), *latents[1:]),
        layout.output_bytes(transformer),
    )
