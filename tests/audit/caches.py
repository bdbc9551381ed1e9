"""Accelerations that somebody might write, right and wrong ones, for tests of the audit."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import PyramidAttentionBroadcastConfig
from torch import nn

import pab_bench as pb


def nothing(pipeline: Any) -> None:
    """Says that it is on and does nothing."""


def ours(pipeline: Any, lanes: int = 1) -> Any:
    """This package's own PAB, by its own door."""
    run = pb.attach(pipeline, pb.PAB(spatial_gap=2, spatial_threshold=(100, 800)), lanes=lanes)
    run.__enter__()
    return lambda: run.__exit__(None, None, None)


def never_inside(pipeline: Any) -> None:
    """Diffusers' PAB with a timestep that falls back to 0, as when the attribute is missing."""
    pipeline.transformer.enable_cache(
        PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=2,
            current_timestep_callback=lambda: getattr(pipeline, "_no_such_timestep", 0),
        )
    )


class _EveryOther:
    """Keeps what a block has put out and gives it at every other call, and never forgets."""

    def __init__(self, block: nn.Module, twice: bool, first: bool) -> None:
        self._own, self._twice, self._kept = block.forward, twice, None
        self._calls = 1 if first else 0
        block.forward = self  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._calls += 1
        if self._kept is None or self._calls % 2:
            self._kept = self._own(*args, **kwargs)
            if self._twice:
                self._own(*args, **kwargs)
        return self._kept


def forgets_nothing(pipeline: Any, twice: bool = False) -> Any:
    """Reuses whole blocks across videos, and cannot be switched off."""
    for block in pipeline.transformer.transformer_blocks:
        _EveryOther(block, twice, first=False)
    return lambda: None


class _Blended(nn.Module):
    """Mixes the halves of the guidance batch a little."""

    def __init__(self, own: nn.Module) -> None:
        super().__init__()
        self.own = own

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        video, text = self.own(*args, **kwargs)
        return video + 0.1 * torch.roll(video, 1, dims=0), text


def blends_halves(pipeline: Any) -> Any:
    """What one half gets depends on the other."""
    block = pipeline.transformer.transformer_blocks[0]
    own = block.attn1
    block.attn1 = _Blended(own)

    def disable() -> None:
        block.attn1 = own

    return disable


def fails(pipeline: Any) -> None:
    """Cannot be enabled."""
    raise RuntimeError("no such model")
