"""Attention probabilities: kept while a module attends, and used in place of new ones.

Both work from outside, on any module that calls `scaled_dot_product_attention`: whatever it does
before and behind it (norms, rotary embeddings, masks, heads) stays its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from pab_bench.engine.attention_functions import FUSED
from pab_bench.errors import PabBenchError

VALUE_SHARE: Mapping[str, Fraction] = {
    "to_q": Fraction(0),
    "to_k": Fraction(0),
    "q_linear": Fraction(0),
    "kv_linear": Fraction(1, 2),
    "qkv": Fraction(1, 3),
}
"""Names of linear layers that project to queries or keys: what share of their output, at its end,
is values. The first two are diffusers', the others STDiT3's."""


class NoAttention(PabBenchError):
    """A module does not attend in a way that its probabilities can be kept of."""


class KeepProbabilities(TorchFunctionMode):
    """While active, attention is computed in the open and its probabilities are kept.

    Attributes:
        kept: per attention call (batch, heads, queries, keys), each row summing to 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[torch.Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace attention; let everything else be."""
        kwargs = kwargs or {}
        if func is not FUSED:
            return func(*args, **kwargs)
        probabilities, value = _attend(*args, **kwargs)
        self.kept.append(probabilities)
        return probabilities @ value


class UseProbabilities(TorchFunctionMode):
    """While active, kept probabilities take the place of new ones; the values are new.

    Args:
        kept: what `KeepProbabilities` kept of the same module.
        unneeded: `query_key_layers` of the module: what they project is not computed.
    """

    def __init__(
        self, kept: Sequence[torch.Tensor], unneeded: Mapping[int, Fraction] | None = None
    ) -> None:
        super().__init__()
        self._kept = list(reversed(kept))
        self._unneeded = unneeded or {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace attention and projections to queries and keys; let everything else be."""
        kwargs = kwargs or {}
        if func is FUSED:
            value = kwargs["value"] if "value" in kwargs else args[2]
            if not self._kept:
                raise NoAttention("the module attends more often than when its scores were kept")
            return self._kept.pop() @ value
        if func is F.linear:
            share = self._unneeded.get(id(args[1]))
            if share is not None:
                return _project_values(share, *args, **kwargs)
        return func(*args, **kwargs)


def query_key_layers(module: nn.Module) -> dict[int, Fraction]:
    """The layers in `module` that project to queries or keys: id of the weight to `VALUE_SHARE`."""
    return {
        id(layer.weight): VALUE_SHARE[name.rpartition(".")[2]]
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in VALUE_SHARE
    }


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The probabilities, and the values; the arguments are PyTorch's."""
    if dropout_p or is_causal or enable_gqa:
        raise NoAttention(
            f"dropout_p={dropout_p}, is_causal={is_causal}, enable_gqa={enable_gqa}: scores can be "
            "kept only without dropout, causal mask and grouped queries"
        )
    # Scaled before the product, so that half precision does not overflow.
    scores = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.mT
    if attn_mask is not None:
        if attn_mask.dtype != torch.bool:
            return (scores + attn_mask).softmax(-1), value
        scores = scores.masked_fill(~attn_mask, -torch.inf)
        # Queries that may look at nothing get nothing, as in fused attention.
        return scores.softmax(-1).masked_fill(~attn_mask.any(-1, keepdim=True), 0), value
    return scores.softmax(-1), value


def _project_values(
    share: Fraction, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """The linear layer's output with everything left undefined but its values."""
    width = len(weight)
    if share == 0:
        # One number seen as the whole tensor: its shape is all that is needed.
        return x.new_zeros(()).expand(*x.shape[:-1], width)
    first = width - int(width * share)
    output = x.new_empty(*x.shape[:-1], width)
    output[..., first:] = F.linear(x, weight[first:], None if bias is None else bias[first:])
    return output
