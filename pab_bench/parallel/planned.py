"""Models of diffusers that say themselves how they are split: by their `_cp_plan`, with Ulysses.

What is done here are the steps of diffusers' `enable_parallelism`, which cannot be asked on a CPU
(it takes the rank modulo the number of accelerators) and cannot be taken back.

Only models that were compared with one rank are listed: a plan that others have, or that one makes
for them, splits the tokens also where their attention does not know of it, and then the output is
wrong without an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.utils.hooks import RemovableHandle

from pab_bench.parallel.attached import Attached
from pab_bench.parallel.collectives import Group
from pab_bench.parallel.layout import AFTER_BLOCKS
from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.refused import ParallelRefused

_QUERIES_KEYS_VALUES_OUTPUT = 4


@dataclass(frozen=True)
class PlannedLayout:
    """Where the self-attention of a planned model lies.

    Attributes:
        blocks: the list of blocks.
        attention: of a block, the one that looks across the split.
        branch: what that is called in plans.
        last: the layer behind which the plan puts the tokens together.
    """

    blocks: str
    attention: str
    branch: str
    last: str

    def attentions(self, transformer: nn.Module) -> list[nn.Module]:
        """One of every block."""
        blocks = transformer.get_submodule(self.blocks).children()
        return [block.get_submodule(self.attention) for block in blocks]

    def heads(self, transformer: nn.Module) -> int:
        """Of such an attention."""
        heads: int = self.attentions(transformer)[0].heads  # type: ignore[assignment]
        return heads

    def tokens(self, transformer: Any, latents: Sequence[int]) -> int:
        """Of a video whose latents are (channels, frames, height, width)."""
        patch = transformer.config["patch_size"]
        return math.prod(length // side for length, side in zip(latents[1:], patch, strict=True))

    def call(
        self, transformer: Any, latents: Sequence[int], ranks: int, blocks: Sequence[int]
    ) -> list[Collective]:
        """The collectives of one call on each rank.

        Args:
            transformer: the model.
            latents: of the call, (batch, channels, frames, height, width).
            ranks: how many there are.
            blocks: which blocks compute the attention.
        """
        attention: Any = self.attentions(transformer)[0]
        size = attention.to_q.weight.element_size()
        tokens = latents[0] * self.tokens(transformer, latents[1:]) // ranks
        message = tokens * attention.to_q.out_features // ranks
        found = [
            Collective("all_to_all", f"{self.branch}.{block}", ranks, (message,), message * size)
            for block in blocks
            for _ in range(_QUERIES_KEYS_VALUES_OUTPUT)
        ]
        last: Any = transformer.get_submodule(self.last)
        shape = (latents[0], tokens // latents[0], last.out_features)
        gathered = math.prod(shape) * last.weight.element_size()
        return [*found, Collective("all_gather", AFTER_BLOCKS, ranks, shape, gathered)]


PLANNED: Mapping[str, PlannedLayout] = {
    "WanTransformer3DModel": PlannedLayout("blocks", "attn1", "spatial", "proj_out"),
}
"""By the name of the transformer's class."""


def planned_layout_of(transformer: Any) -> PlannedLayout | None:
    """How diffusers splits a transformer; None if it has no plan, or one that is not known here."""
    if getattr(transformer, "_cp_plan", None) is None:
        return None
    return PLANNED.get(type(transformer).__name__)


class PlannedParallel(Attached):
    """A context in which calls of planned transformers are split over ranks, and recorded.

    Args:
        transformers: the modules that are called, in whatever order.
        layout: of their class.
        group: the ranks: all that there are.

    Attributes:
        recorder: what was sent, call by call.
        inputs: what was called, call by call.
    """

    def __init__(
        self, transformers: Sequence[nn.Module], layout: PlannedLayout, group: Group
    ) -> None:
        super().__init__(transformers)
        self._layout, self._group = layout, group

    def _attach(self, transformer: Any) -> None:
        from diffusers.hooks.context_parallel import (
            apply_context_parallel,
            remove_context_parallel,
        )
        from diffusers.models._modeling_parallel import ContextParallelConfig, ParallelConfig

        heads, ranks = self._layout.heads(transformer), self._group.size()
        if heads % ranks:
            raise ParallelRefused(
                f"parallel.method=ulysses: {ranks} ranks cannot share {heads} heads"
            )
        device = next(transformer.parameters()).device
        mesh = DeviceMesh(
            device.type, torch.arange(ranks)[None], mesh_dim_names=("ring", "ulysses")
        )
        own = ContextParallelConfig(ulysses_degree=ranks, mesh=mesh)
        config = ParallelConfig(context_parallel_config=own)
        config.setup(self._group.rank(), ranks, device, mesh=mesh)
        for processor in _processors(transformer):
            self._active.callback(setattr, processor, "_parallel_config", None)
            processor._parallel_config = config
        apply_context_parallel(transformer, own, transformer._cp_plan)
        self._active.callback(remove_context_parallel, transformer, transformer._cp_plan)
        hooked = [transformer.register_forward_pre_hook(self._begin, with_kwargs=True)]
        for block, attention in enumerate(self._layout.attentions(transformer)):
            hooked += self._place(attention, f"{self._layout.branch}.{block}")
        hooked += self._place(transformer.get_submodule(self._layout.last), AFTER_BLOCKS)
        for handle in hooked:
            self._active.callback(handle.remove)

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        self.recorder.begin_call()
        self.inputs.note(args, kwargs)

    def _place(self, module: nn.Module, where: str) -> list[RemovableHandle]:
        entered: list[Any] = []

        def before(module: nn.Module, args: Any) -> None:
            del module, args
            entered.append(self.recorder.at(where))
            entered[-1].__enter__()

        def after(module: nn.Module, args: Any, out: Any) -> None:
            del module, args, out
            if entered:
                entered.pop().__exit__(None, None, None)

        return [
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after, always_call=True),
        ]


def _processors(transformer: nn.Module) -> list[Any]:
    """Of all attentions that can be told that their input is split."""
    found = [getattr(module, "processor", None) for module in transformer.modules()]
    return [processor for processor in found if hasattr(processor, "_parallel_config")]
