"""A transformer whose sites were found by rule: the modules themselves, wrapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from pab_bench.engine.kinds import KINDS, Group
from pab_bench.engine.sites import Block, BlockForward, Output, Visit
from pab_bench.engine.stack import StackBlock
from pab_bench.systems.diffusers.block_order import BlockOrder
from pab_bench.systems.diffusers.discovery import Discovered
from pab_bench.systems.diffusers.modules import depth_of
from pab_bench.systems.diffusers.packing import Layout, layout_of, pack, unpack


class DiscoveredArchitecture:
    """Sites as they were found; each is a block of its own, kept before any gate.

    What a block does with a module's output, its gate, and norms before the module stay the
    block's: `ungated` is the only broadcast object. Groups may have different numbers of blocks.

    Args:
        transformer: the module that the pipeline calls.
        found: its sites.
        seen: what was seen of its blocks; None if nobody has looked.

    Attributes:
        left_out: by name of a module that attends or is an MLP, why it is no site.
        no_stack: why the order of its blocks is not told; empty where it is.
    """

    def __init__(
        self, transformer: nn.Module, found: Discovered, seen: BlockOrder | None = None
    ) -> None:
        self.transformer = transformer
        self.left_out = found.left_out
        self._sites = {id(site.module): site for site in found.sites}
        self._blocks = [Block(site.module, site.index, site.group.branch) for site in found.sites]
        self.depths: Mapping[Group, int] = Counter(site.group for site in found.sites)
        order = {kind: index for index, kind in enumerate(KINDS)}
        self.groups: tuple[Group, ...] = tuple(
            sorted(self.depths, key=lambda group: (order[group.kind], group.branch))
        )
        self.depth = depth_of(transformer)
        sites = [(site.name, (site.group, site.index)) for site in found.sites]
        self._stack = () if seen is None else seen.stack(transformer, sites)
        self.no_stack = "nobody has looked" if seen is None else seen.reason

    def blocks(self) -> Sequence[Block]:
        """All sites."""
        return self._blocks

    def stack(self) -> Sequence[StackBlock]:
        """The blocks in the order in which they are called; none where that is not told."""
        return self._stack

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Not told: transformers are given timesteps in units of their own."""

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """The module's own `forward`, or what was kept of it."""
        site = self._sites[id(block.module)]
        module: Any = block.module
        own = module._old_forward if hasattr(module, "_hf_hook") else module.forward
        layout: Layout = None

        def forward(*args: Any, **kwargs: Any) -> Any:
            def compute() -> Output:
                nonlocal layout
                result = own(*args, **kwargs)
                layout = layout_of(result)
                return pack(result)

            return unpack(visit(site.group, site.index, compute, None), layout)

        return forward
