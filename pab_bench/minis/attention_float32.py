"""An attention processor for bfloat16 training on CPUs.

Under bfloat16 autocast on a CPU the backward pass of `scaled_dot_product_attention` takes about
twenty times as long as in float32 (half of a whole training step). The projections gain from
bfloat16, the attention itself is computed in float32.
"""

from __future__ import annotations

import torch
from diffusers.models.attention_processor import Attention
from torch.nn import functional as F


class Float32AttentionProcessor:
    """Projections as autocast wants them, attention in float32. For training only."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend from (batch, tokens, width) to `encoder_hidden_states`, or to itself."""
        if attention_mask is not None:
            raise ValueError("the minis train without attention masks")
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            projection.unflatten(-1, (attn.heads, -1)).transpose(1, 2).float()
            for projection in (attn.to_q(hidden_states), attn.to_k(source), attn.to_v(source))
        )
        with torch.autocast(query.device.type, enabled=False):
            output = F.scaled_dot_product_attention(query, key, value)
        return attn.to_out[0](output.transpose(1, 2).flatten(2))
