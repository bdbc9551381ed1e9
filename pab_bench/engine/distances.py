"""Numbers that say how far tensors are from each other."""

from __future__ import annotations

import torch


def l1_norm(tensor: torch.Tensor) -> float:
    """Sum up the magnitudes of a tensor, in float32 whatever its dtype is."""
    return float(torch.linalg.vector_norm(tensor, 1, dtype=torch.float32))
