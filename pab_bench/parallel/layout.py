"""Where a transformer can be split, and which of its attentions look across the split.

A layout is a few hooks for one class of transformers: it hands every rank its share behind the
embedding, and puts the shares together behind the last block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.names import Gather, Split
from pab_bench.parallel.collectives import Group, all_gather
from pab_bench.parallel.recorder import Recorder
from pab_bench.parallel.size import Exchange, Size

AFTER_BLOCKS = "after_blocks"
"""Where the shares are put together, as records call it."""


@dataclass
class Share:
    """What a rank holds of the call that it is in.

    Attributes:
        split: the dimension that is split.
        group: the ranks.
        gather: what is put together behind the last block: what the final layer makes (`output`),
            or what it is given (`hidden`), as upstream does.
        recorder: is told where collectives are issued.
        size: of the call, before it is split; known once its blocks begin.
    """

    split: Split
    group: Group
    gather: Gather
    recorder: Recorder
    size: Size = field(default_factory=lambda: Size(0, 0, 0))

    @property
    def ranks(self) -> int:
        """How many ranks share."""
        return self.group.size()

    @property
    def length(self) -> int:
        """How much of the split dimension a rank holds, padding included."""
        return -(-self.size.length(self.split) // self.ranks)

    @property
    def first(self) -> int:
        """The index of the first entry that this rank holds."""
        return self.group.rank() * self.length

    def together(self, x: torch.Tensor) -> torch.Tensor:
        """Put the shares of all ranks together.

        Args:
            x: (batch, frames, tokens, width), with this rank's share of one dimension.

        Returns:
            The same with all of that dimension, without padding.
        """
        with self.recorder.at(AFTER_BLOCKS):
            shares = all_gather(x, self.group)
        if self.split == "frames":
            return shares.transpose(0, 1).flatten(1, 2)[:, : self.size.frames]
        return shares.permute(1, 2, 0, 3, 4).flatten(2, 3)[:, :, : self.size.tokens]


class Layout(Protocol):
    """What one class of transformers needs for its calls to be split."""

    classes: ClassVar[tuple[str, ...]]
    """Names of the transformers' classes."""

    splits: ClassVar[tuple[Split, ...]]
    """The dimensions by which its calls can be split."""

    def heads(self, transformer: Any) -> int:
        """Of the attention across the split dimension."""
        ...

    def attentions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """The attention module of every block that looks across the split dimension."""
        ...

    def exchange(self, size: Size, split: Split, ranks: int) -> Exchange:
        """How the rows of such an attention are shared out."""
        ...

    def hooks(self, transformer: Any, share: Share) -> list[RemovableHandle]:
        """Register what hands out shares, notes `share.size`, and puts shares together."""
        ...

    def size_of(self, transformer: Any, latents: Sequence[int], batch: int) -> Size:
        """What a call with latents of shape (channels, frames, height, width) works on."""
        ...

    def gathered_width(self, transformer: Any, gather: Gather) -> int:
        """How many numbers of each token are put together behind the last block."""
        ...

    def output_channels(self, transformer: Any) -> int:
        """Of what the transformer predicts."""
        ...

    def output_bytes(self, transformer: Any) -> int:
        """Of a number that the transformer predicts."""
        ...

    def positions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """Modules inside the attention that give positions by order, from 0."""
        ...


def crossing(split: Split) -> str:
    """The branch whose self-attention looks across the split dimension."""
    return "temporal" if split == "frames" else "spatial"


def argument(args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str) -> Any:
    """An argument of a call, wherever it stands."""
    return kwargs[name] if name in kwargs else args[index] if len(args) > index else None


def replaced(
    args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str, value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call with another value in place of one."""
    if name in kwargs:
        return args, {**kwargs, name: value}
    return (*args[:index], value, *args[index + 1 :]), kwargs
