"""PyTorch's functions that attention consists of, as they arrive at a `TorchFunctionMode`."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812

FUSED = F.scaled_dot_product_attention
PRODUCTS = frozenset(
    {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.baddbmm}
)
"""Products of two activations: in these models only attention has them."""

SOFTMAX = frozenset({torch.softmax, torch.Tensor.softmax, F.softmax})
