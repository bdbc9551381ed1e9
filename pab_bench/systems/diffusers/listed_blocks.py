"""A transformer of diffusers whose blocks have replaced forward passes: what all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import nn

from pab_bench.engine.kinds import KINDS, Branch, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.engine.stack import StackBlock
from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.discovery import NO_LIST
from pab_bench.systems.diffusers.modules import candidates


class ListedBlocks(ABC):
    """Blocks in lists that are direct children of the transformer, with sites known by name.

    The groups and the order of the sites are those that `discovery` finds by rule.

    Args:
        transformer: the module that the pipeline calls.
        by_order: whether calls are told apart by their order alone, as for plans whose timesteps
            are noise levels.

    Attributes:
        transformer: the same.

    Raises:
        ConfigError: if a block is of a class whose operations are not known.
    """

    lists: ClassVar[Mapping[str, Branch]]
    """Names of the lists, each with its branch."""
    classes: ClassVar[frozenset[str]]
    """Names of the blocks' classes."""
    position: ClassVar[int]
    """Of the timestep among the arguments of the transformer."""
    streams: ClassVar[tuple[str, ...]] = ("hidden_states",)
    """What every block is given of tokens, and gives back, in this order; the video's first."""

    def __init__(self, transformer: nn.Module, by_order: bool = False) -> None:
        self.transformer = transformer
        self._by_order = by_order
        for block in self.blocks():
            name = type(block.module).__name__
            if name not in self.classes:
                raise ConfigError(
                    f"{type(transformer).__name__}: what its blocks of class {name} do is not "
                    "known; model=diffusers takes their modules as they are"
                )

    @abstractmethod
    def sites(self, block: Block) -> Sequence[Group]:
        """The groups of a block's sites, in the order in which it visits them."""

    @abstractmethod
    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """What replaces a block's `forward`: same operations, same order."""

    def blocks(self) -> Sequence[Block]:
        """All blocks, list by list; not every version of a transformer has all lists."""
        children = dict(self.transformer.named_children())
        return [
            Block(module, index, branch)
            for name, branch in self.lists.items()
            if name in children
            for index, module in enumerate(children[name].children())
        ]

    def stack(self) -> Sequence[StackBlock]:
        """All blocks, in the order in which they are called."""
        return [
            StackBlock(
                block.module,
                index,
                tuple((group, block.index) for group in self.sites(block)),
                self.streams,
                modulate=self.modulated_input_of(block.module),
            )
            for index, block in enumerate(self.blocks())
        ]

    def modulated_input_of(self, module: nn.Module) -> Callable[..., torch.Tensor] | None:
        """What computes `StackBlock.modulate` of a block; None: it is not told."""
        del module
        return None

    @cached_property
    def depths(self) -> Mapping[Group, int]:
        """Number of sites of each group."""
        return Counter(group for block in self.blocks() for group in self.sites(block))

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups, by kind."""
        order = {kind: index for index, kind in enumerate(KINDS)}
        return tuple(sorted(self.depths, key=lambda group: (order[group.kind], group.branch)))

    @property
    def depth(self) -> int:
        """Number of blocks of the longest list."""
        return max(Counter(block.branch for block in self.blocks()).values())

    @property
    def left_out(self) -> Mapping[str, str]:
        """By name of a module that attends or is an MLP, why it is no site."""
        found = candidates(self.transformer)
        return {own.name: NO_LIST for own in found if own.blocks not in self.lists}

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
        """The timestep of a call, as `told` has it; None if calls go by their order alone."""
        if self._by_order:
            return None
        value: torch.Tensor = kwargs["timestep"] if "timestep" in kwargs else args[self.position]
        return self.told(value)

    def told(self, value: torch.Tensor) -> int | None:
        """A timestep, truncated to an integer, rounded as pipelines round it.

        The largest of a batch, or of tokens: those of a given image have none.
        """
        dtype = next(self.transformer.parameters()).dtype
        return int(value.to(dtype if value.is_floating_point() else value.dtype).max())
