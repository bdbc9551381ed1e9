"""Where and how a training stage computes."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Hardware:
    """Where and how to compute.

    Attributes:
        device: where.
        autocast: in bfloat16.
        compiled: by `torch.compile`.
    """

    device: torch.device
    autocast: bool
    compiled: bool
