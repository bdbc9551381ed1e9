"""A transformer with random weights of which none is zero: the control of claims about a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_SPREAD = 0.02
"""Standard deviation of what is drawn anew, as usual at the start of training."""


@torch.no_grad()
def redraw_zeros(module: nn.Module, generator: torch.Generator) -> None:
    """Give parameters that are all zero random values.

    Gates and last layers begin at zero in many models: no site would have an effect.
    """
    for parameter in module.parameters():
        if not parameter.any():
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(_SPREAD * drawn)


def random_copy(transformer: Any, dtype: torch.dtype, seed: int = 0) -> Any:
    """A transformer of the same configuration with seeded random weights."""
    torch.manual_seed(seed)
    control = type(transformer).from_config(transformer.config).eval()
    redraw_zeros(control, torch.Generator().manual_seed(seed))
    return nn.Module.to(control, dtype)  # diffusers' own `to` warns about nothing here.
