"""What the engine must know about an architecture to carry out a plan in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from pab_bench.engine.kinds import Branch, Group

Output = torch.Tensor | tuple[torch.Tensor, ...]
"""Of a site. Several tensors, the video's first, where attention over text and video together gives
both back."""

Gate = Output | None
"""What an output is multiplied by, a tensor for each of its tensors; None = there is no gate."""

Compute = Callable[[], Output]
"""Computes a site's output before its gate; norm and modulation are included."""

Visit = Callable[[Group, int, Compute, Gate], Any]
"""What a block calls at each of its sites: (group, block, compute, gate) to what is added to the
residual stream. The engine supplies it."""

BlockForward = Callable[..., "torch.Tensor | tuple[torch.Tensor, ...]"]
"""Returns what the block itself returns."""


@dataclass(frozen=True)
class Block:
    """One transformer block whose `forward` the engine replaces while it is attached.

    Attributes:
        module: the block.
        index: its index (0-based) among the blocks of its branch.
        branch: its branch.
    """

    module: nn.Module
    index: int
    branch: Branch


class Architecture(Protocol):
    """One small class per transformer architecture implements this."""

    @property
    def transformer(self) -> nn.Module:
        """The module that the pipeline calls at every denoising step; see `transformers_of`."""
        ...

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of sites that this architecture has."""
        ...

    @property
    def depth(self) -> int:
        """Number of transformer block pairs: the most blocks that a group has; see `depths_of`."""
        ...

    def blocks(self) -> Sequence[Block]:
        """Every block that holds sites."""
        ...

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
        """The timestep, truncated to an integer, of a call of `transformer`.

        None where calls do not tell it in the plan's scale: then they are told apart by their order
        alone.
        """
        ...

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A replacement for `block.module.forward` that sends every site through `visit`.

        It must compute the same operations in the same order, so that a run in which nothing is
        reused equals the bare model bit for bit.
        """
        ...


def transformers_of(architecture: Architecture) -> tuple[nn.Module, ...]:
    """List the modules that the pipeline calls: `transformers` of an architecture with several.

    Such an architecture has one set of groups and block indices: a site is the module at its place
    in whichever transformer is called. `Plan.transformers` are indices in this list.
    """
    own: tuple[nn.Module, ...] | None = getattr(architecture, "transformers", None)
    return (architecture.transformer,) if own is None else own


def depths_of(architecture: Architecture) -> Mapping[Group, int]:
    """Per group its number of blocks: `depths` of an architecture whose groups differ in that."""
    own: Mapping[Group, int] = getattr(architecture, "depths", {})
    return {group: own.get(group, architecture.depth) for group in architecture.groups}
