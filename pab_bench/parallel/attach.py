"""Attaches sequence parallelism to transformers, by hooks, for as long as a context lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.utils.hooks import RemovableHandle

from pab_bench.names import Gather, Split
from pab_bench.parallel.attached import Attached
from pab_bench.parallel.collectives import Group
from pab_bench.parallel.dsp import own_rows, switch, switch_back
from pab_bench.parallel.guidance import guidance_hooks
from pab_bench.parallel.layout import Layout, Share, argument, crossing
from pab_bench.parallel.megatron import megatron_forward
from pab_bench.parallel.refused import ParallelRefused
from pab_bench.parallel.ulysses import position_hooks, ulysses_hooks

_MASK = "attention_mask"


@dataclass(frozen=True)
class Ranks:
    """The groups that a rank belongs to.

    Attributes:
        sequence: ranks that share a sequence; None where it is whole.
        guidance: this rank and the one with the same share of the other half of the guidance
            batch; None where nothing is shared out so.
        half: which half of the guidance batch is this rank's.
    """

    sequence: Group | None
    guidance: Group | None = None
    half: int = 0


class Parallel(Attached):
    """A context in which calls of transformers are split over ranks, and all of it is recorded.

    All ranks must make the same calls with the same inputs, and each gets the whole output.

    Args:
        transformers: the modules that are called, in whatever order.
        layout: of their class.
        ranks: the groups of this rank.
        method: `dsp`, `ulysses` or `megatron_sp`.
        split: which dimension.
        gather: what is put together behind the last block.

    Attributes:
        recorder: what was sent, call by call.
        inputs: what was called, call by call.
    """

    def __init__(
        self,
        transformers: Sequence[nn.Module],
        layout: Layout,
        ranks: Ranks,
        method: str = "dsp",
        split: Split = "frames",
        gather: Gather = "output",
    ) -> None:
        super().__init__(transformers)
        self._layout, self._ranks = layout, ranks
        self._method, self._split, self._gather = method, split, gather
        self._handles: list[RemovableHandle] = []
        self._replaced: list[nn.Module] = []

    def _attach(self, transformer: nn.Module) -> None:
        recorder, ranks = self.recorder, self._ranks
        self._handles.append(transformer.register_forward_pre_hook(self._begin, with_kwargs=True))
        if ranks.guidance is not None:
            self._handles += guidance_hooks(transformer, ranks.half, ranks.guidance, recorder)
        if ranks.sequence is None:
            return
        share = Share(self._split, ranks.sequence, self._gather, recorder)
        self._handles += self._layout.hooks(transformer, share)
        attentions = self._layout.attentions(transformer, self._split)
        mesh = None
        if self._method == "megatron_sp":
            device = next(transformer.parameters()).device.type
            mesh = DeviceMesh.from_group(ranks.sequence, device)
        if self._method == "ulysses":
            self._handles += position_hooks(transformer, self._layout, share)
        for block, attention in enumerate(attentions):
            where = f"{crossing(self._split)}.{block}"
            if mesh is not None:
                self._replace(attention, megatron_forward(attention, where, share, mesh))
            elif self._method == "ulysses":
                self._handles += ulysses_hooks(attention, where, share)
            else:
                self._handles += dsp_hooks(attention, where, share, self._layout)

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        self.recorder.begin_call()
        self.inputs.note(args, kwargs)

    def _replace(self, module: nn.Module, forward: Callable[..., Any]) -> None:
        if "forward" in module.__dict__:
            raise ParallelRefused(
                f"parallel.method={self._method}: something else stands in the forward of "
                f"{type(module).__name__}, such as offloading"
            )
        module.forward = forward  # type: ignore[method-assign]
        self._replaced.append(module)

    def _detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        for module in self._replaced:
            del module.forward
        self._handles.clear()
        self._replaced.clear()


def dsp_hooks(
    attention: nn.Module, where: str, share: Share, layout: Layout
) -> list[RemovableHandle]:
    """Stand around an attention module: the split moves to its rows, and back behind it."""

    def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
        del module
        exchange = layout.exchange(share.size, share.split, share.ranks)
        with share.recorder.at(f"{where}.in"):
            x = switch(args[0], exchange, share.group)
        if argument((), kwargs, 0, _MASK) is not None:
            kwargs = {**kwargs, _MASK: own_rows(kwargs[_MASK], exchange, share.group)}
        return (x, *args[1:]), kwargs

    def after(module: nn.Module, args: Any, out: Any) -> Any:
        del module, args
        exchange = layout.exchange(share.size, share.split, share.ranks)
        with share.recorder.at(f"{where}.out"):
            return switch_back(out, exchange, share.group)

    return [
        attention.register_forward_pre_hook(before, with_kwargs=True),
        attention.register_forward_hook(after),
    ]
