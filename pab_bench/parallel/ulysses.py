"""DeepSpeed-Ulysses: heads are shared out for the attention itself, the projections stay split.

Source: arXiv 2309.14509. Queries, keys, values and the output are each exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from pab_bench.parallel.collectives import all_to_all, padded
from pab_bench.parallel.layout import Layout, Share
from pab_bench.parallel.refused import ParallelRefused

_ATTENTION = F.scaled_dot_product_attention


class _ExchangedHeads(TorchFunctionMode):
    """While active, attention is computed over all of the split dimension for a share of heads."""

    def __init__(self, share: Share, where: str) -> None:
        super().__init__()
        self._share, self._where = share, where

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Exchange around the attention; let everything else be."""
        given = dict(kwargs or {})
        if func is not _ATTENTION:
            return func(*args, **given)
        given |= dict(zip(("query", "key", "value", "attn_mask"), args, strict=False))
        if given.get("attn_mask") is not None:
            raise ParallelRefused(
                "parallel.method=ulysses: the attention across the split has a mask; use dsp"
            )
        with self._share.recorder.at(f"{self._where}.in"):
            for name in ("query", "key", "value"):
                given[name] = self._to_heads(given[name])
        out = func(**given)
        with self._share.recorder.at(f"{self._where}.out"):
            return self._to_sequence(out)

    def _to_heads(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, heads, share, width) to (rows, share of heads, all, width)."""
        share = self._share
        messages = x.unflatten(1, (share.ranks, -1)).permute(1, 0, 2, 3, 4)
        received = all_to_all(messages, share.group)
        whole = received.permute(1, 2, 0, 3, 4).flatten(2, 3)
        return whole[:, :, : share.size.length(share.split)]

    def _to_sequence(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, share of heads, all, width) to (rows, heads, share, width)."""
        share = self._share
        whole = padded(x, 2, share.length * share.ranks)
        messages = whole.unflatten(2, (share.ranks, share.length)).permute(2, 0, 1, 3, 4)
        return all_to_all(messages, share.group).transpose(0, 1).flatten(1, 2)


def ulysses_hooks(attention: nn.Module, where: str, share: Share) -> list[RemovableHandle]:
    """Stand around an attention module whose input is split."""
    modes: list[_ExchangedHeads] = []

    def before(module: nn.Module, args: Any) -> None:
        del module, args
        modes.append(_ExchangedHeads(share, where))
        modes[-1].__enter__()

    def after(module: nn.Module, args: Any, out: Any) -> None:
        del module, args, out
        if modes:  # Not if another hook failed before.
            modes.pop().__exit__(None, None, None)

    return [
        attention.register_forward_pre_hook(before),
        attention.register_forward_hook(after, always_call=True),
    ]


def position_hooks(transformer: nn.Module, layout: Layout, share: Share) -> list[RemovableHandle]:
    """Let positions inside the attention begin where this rank's share does."""

    def before(module: nn.Module, args: Any) -> Any:
        del module
        return (F.pad(args[0], (0, 0, share.first, 0)), *args[1:])

    def after(module: nn.Module, args: Any, out: torch.Tensor) -> torch.Tensor:
        del module, args
        return out[..., share.first :, :]

    handles: list[RemovableHandle] = []
    for module in layout.positions(transformer, share.split):
        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))
    return handles
