"""Guidance parallel: each half of the guidance batch is computed by half of the ranks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.parallel.collectives import Group, all_gather
from pab_bench.parallel.layout import AFTER_BLOCKS
from pab_bench.parallel.recorder import Recorder
from pab_bench.parallel.refused import ParallelRefused

HALVES = 2


def guidance_hooks(
    transformer: nn.Module, half: int, group: Group, recorder: Recorder
) -> list[RemovableHandle]:
    """Give the transformer one half of its batch, and put the outputs of both together.

    Args:
        transformer: is called with the unconditional and the conditional half in one batch.
        half: which half is this rank's, 0 or 1.
        group: this rank and the one that computes the same of the other half.
        recorder: is told where the outputs are gathered.
    """

    def enter(module: nn.Module, args: Any, kwargs: Any) -> Any:
        del module
        latents = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        rows = len(latents)
        if rows % HALVES:
            raise ParallelRefused(
                f"parallel.guidance=true: a call of the transformer has {rows} rows, which do not "
                "halve; it needs guidance > 1, with both halves in one call"
            )
        own = slice(half * rows // HALVES, (half + 1) * rows // HALVES)

        def cut(value: Any) -> Any:
            is_rows = isinstance(value, torch.Tensor) and value.ndim and len(value) == rows
            return value[own] if is_rows else value

        return tuple(map(cut, args)), {name: cut(value) for name, value in kwargs.items()}

    def leave(module: nn.Module, args: Any, output: Any) -> Any:
        del module, args
        sample = output[0]
        with recorder.at(AFTER_BLOCKS):
            whole = all_gather(sample, group).flatten(0, 1)
        if isinstance(output, tuple):
            return (whole, *output[1:])
        return type(output)(sample=whole)

    return [
        transformer.register_forward_pre_hook(enter, with_kwargs=True),
        transformer.register_forward_hook(leave),
    ]
