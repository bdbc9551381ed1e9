"""Several transformers, of which a pipeline calls one in each step, as one architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from pab_bench.engine.sites import Architecture, Block, BlockForward, Visit, depths_of
from pab_bench.engine.stack import StackBlock, stack_of


class Several:
    """Architectures of transformers that are alike in all but their numbers.

    Groups and block indices are those of each: a site is the module at its place in the transformer
    that is called, and a range of blocks means these blocks of all of them.

    Source: Wan 2.2 A14B, one transformer for high and one for low noise.

    Args:
        parts: one of each transformer, in the order that `Plan.transformers` counts in.

    Attributes:
        left_out: as of the first of `DiscoveredArchitecture`.
        no_stack: likewise.

    Raises:
        ValueError: if they have different groups or numbers of blocks.
    """

    def __init__(self, parts: Sequence[Architecture]) -> None:
        first = parts[0]
        self.depths = depths_of(first)
        if any(depths_of(part) != self.depths for part in parts):
            raise ValueError("the transformers have different groups or numbers of blocks")
        self.transformers: tuple[nn.Module, ...] = tuple(part.transformer for part in parts)
        self.transformer = first.transformer
        self.groups, self.depth = first.groups, first.depth
        self.no_stack: str = getattr(first, "no_stack", "")
        self.left_out: Mapping[str, str] = getattr(first, "left_out", {})
        self._first, self._parts = first, parts
        self._blocks = [block for part in parts for block in part.blocks()]
        self._owners = {id(block.module): part for part in parts for block in part.blocks()}

    def blocks(self) -> Sequence[Block]:
        """Those of all transformers."""
        return self._blocks

    def stack(self) -> Sequence[StackBlock]:
        """Those of all transformers, one after the other."""
        return [block for part in self._parts for block in stack_of(part)]

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
        """As the transformers read it; all do so alike."""
        return self._first.timestep(args, kwargs)

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """As the transformer has it that the block is of."""
        return self._owners[id(block.module)].block_forward(block, visit)
