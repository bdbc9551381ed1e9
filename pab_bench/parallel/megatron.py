"""Megatron's sequence parallelism of an attention: heads are shared out, with their weights.

Source: arXiv 2205.05198. Before the attention the split dimension is gathered, and behind its
output projection the ranks' partial sums are reduced and scattered again. Both are what DTensor
makes of a change of placement: a shard becomes a replica, a partial sum a shard.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

from pab_bench.parallel.collectives import padded
from pab_bench.parallel.layout import Share
from pab_bench.parallel.refused import ParallelRefused

_SPLIT = 1
"""The split dimension of what an attention is given: (rows, split dimension, width)."""


def megatron_forward(
    attention: nn.Module, where: str, share: Share, mesh: DeviceMesh
) -> Callable[..., torch.Tensor]:
    """Make a forward of an attention whose input is split: with this rank's share of its heads.

    Args:
        attention: ours, with `qkv` and `proj`, or diffusers', with `to_q` and the others.
        where: the block, for the recorder.
        share: of the current call.
        mesh: the ranks of the share's group.
    """
    own, bias = share_of_heads(attention, share.group.rank(), share.ranks)
    forward = type(attention).forward

    def compute(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        with share.recorder.at(f"{where}.in"):
            split = DTensor.from_local(x.contiguous(), mesh, [Shard(_SPLIT)], run_check=False)
            whole = split.redistribute(mesh, [Replicate()]).to_local()
        whole = whole[:, : share.size.length(share.split)]
        partial = padded(forward(own, whole, *args, **kwargs), _SPLIT, share.length * share.ranks)
        with share.recorder.at(f"{where}.out"):
            parts = DTensor.from_local(partial, mesh, [Partial()], run_check=False)
            out: torch.Tensor = parts.redistribute(mesh, [Shard(_SPLIT)]).to_local()
        return out if bias is None else out + bias

    return compute


def share_of_heads(
    attention: nn.Module, rank: int, ranks: int
) -> tuple[nn.Module, torch.Tensor | None]:
    """Copy an attention with some of its heads; weights are views of its own.

    Returns:
        The copy, whose output is a summand of the whole one's; and the bias of the output
        projection, which is added to the sum once.
    """
    own: Any = copy.copy(attention)
    own._modules = dict(attention._modules)
    heads = int(own.heads)
    per_rank = heads // ranks
    mine = slice(rank * per_rank, (rank + 1) * per_rank)
    own.heads = per_rank
    if "qkv" in own._modules:
        own._modules["qkv"] = _some_outputs(own.qkv, 3, heads, mine)
        last = own.proj
        own._modules["proj"] = _some_inputs(last, heads, mine)
    elif "to_q" in own._modules:
        for name in ("to_q", "to_k", "to_v"):
            own._modules[name] = _some_outputs(own._modules[name], 1, heads, mine)
        last = own.to_out[0]
        own._modules["to_out"] = nn.ModuleList([_some_inputs(last, heads, mine), *own.to_out[1:]])
    else:
        raise ParallelRefused(
            f"parallel.method=megatron_sp: {type(attention).__name__} is no attention whose heads "
            "can be shared out"
        )
    return own, last.bias


def _some_outputs(layer: nn.Linear, parts: int, heads: int, mine: slice) -> nn.Linear:
    """The layer for some heads, where its output is (parts, heads, width)."""
    weight = layer.weight.unflatten(0, (parts, heads, -1))[:, mine].flatten(0, 2)
    bias = None
    if layer.bias is not None:
        bias = layer.bias.unflatten(0, (parts, heads, -1))[:, mine].flatten()
    return _linear(weight, bias)


def _some_inputs(layer: nn.Linear, heads: int, mine: slice) -> nn.Linear:
    """The layer for some heads, where its input is (heads, width); without its bias."""
    return _linear(layer.weight.unflatten(1, (heads, -1))[:, mine].flatten(1, 2), None)


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return layer
