"""Broadcasting in Open-Sora's `STDiT3Transformer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from pab_bench.engine.kinds import (
    CROSS,
    CROSS_TEMPORAL,
    MLP_SPATIAL,
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
    Group,
)
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.engine.stack import StackBlock
from pab_bench.systems.open_sora.transformer import STDiT3Block

_GROUPS = {
    "spatial": {"attention": SPATIAL, "cross": CROSS, "mlp": MLP_SPATIAL},
    "temporal": {"attention": TEMPORAL, "cross": CROSS_TEMPORAL, "mlp": MLP_TEMPORAL},
}


class STDiT3Architecture:
    """Spatial and temporal blocks, each with self-attention, cross-attention and MLP.

    Args:
        transformer: an `STDiT3Transformer`.
    """

    groups: tuple[Group, ...] = (
        SPATIAL,
        TEMPORAL,
        CROSS,
        CROSS_TEMPORAL,
        MLP_SPATIAL,
        MLP_TEMPORAL,
    )

    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer

    @property
    def depth(self) -> int:
        """Number of block pairs."""
        return len(self._children("spatial_blocks"))

    def _children(self, name: str) -> list[nn.Module]:
        return list(self.transformer.get_submodule(name).children())

    def blocks(self) -> Sequence[Block]:
        """The spatial and the temporal blocks."""
        spatial = [Block(m, i, "spatial") for i, m in enumerate(self._children("spatial_blocks"))]
        temporal = [
            Block(m, i, "temporal") for i, m in enumerate(self._children("temporal_blocks"))
        ]
        return spatial + temporal

    def stack(self) -> Sequence[StackBlock]:
        """Pairs of a spatial and a temporal block; both see (batch, frames * patches)."""
        pairs = zip(
            self._children("spatial_blocks"), self._children("temporal_blocks"), strict=True
        )
        return [
            StackBlock(
                module,
                i,
                tuple((g, i) for g in _GROUPS[branch].values()),
                ("x",),
                modulate=partial(STDiT3Block.modulated_input, cast("STDiT3Block", module)),
            )
            for i, pair in enumerate(pairs)
            for branch, module in zip(_GROUPS, pair, strict=True)
        ]

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """The first of the batch's timesteps, rounded to the model's dtype, then truncated.

        In bfloat16 that makes steps of four above 512, as upstream's decisions see them.
        """
        value: torch.Tensor = kwargs["timestep"] if "timestep" in kwargs else args[1]
        dtype = self.transformer.get_parameter("x_embedder.proj.weight").dtype
        return int(value.flatten()[0].to(dtype))

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """The block itself, which calls `visit` at its sites."""
        groups = _GROUPS[block.branch]

        def at_site(
            site: str, compute: Callable[[], torch.Tensor], gate: torch.Tensor | None
        ) -> torch.Tensor:
            return visit(groups[site], block.index, compute, gate)

        # The class's own forward, since the engine replaces the instance's.
        return partial(type(block.module).forward, block.module, visit=at_site)
