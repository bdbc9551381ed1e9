"""Sites of diffusers' `WanTransformer3DModel` and `SkyReelsV2Transformer3DModel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.systems.diffusers.listed_blocks import ListedBlocks


class WanArchitecture(ListedBlocks):
    """Blocks of full attention over the video, cross-attention without a gate, and an MLP.

    Norms, modulation and residual stream are float32 whatever the transformer's dtype is, so that
    an output after its gate is float32, too; before it, it is of the transformer's dtype.

    Source: Wan, arXiv 2503.20314; diffusers `models/transformers/transformer_wan.py` and
    `transformer_skyreels_v2.py`.
    """

    lists: ClassVar = {"blocks": "spatial"}
    classes: ClassVar = frozenset({"WanTransformerBlock", "SkyReelsV2TransformerBlock"})
    position: ClassVar = 1

    def sites(self, block: Block) -> Sequence[Group]:
        """The same in every block."""
        return SPATIAL, CROSS, MLP_SPATIAL

    def told(self, value: torch.Tensor) -> int:
        """The largest of a batch or of tokens; pipelines keep it whole."""
        return int(value.max())

    def modulated_input_of(self, module: Any) -> Callable[..., torch.Tensor]:
        """In the dtype of the tokens, as the attention is given it."""
        tokens_last = _tokens_last(module)

        def modulate(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            *args: Any,
            **kwargs: Any,
        ) -> torch.Tensor:
            del encoder_hidden_states, args, kwargs
            shift, scale = _modulation(module.scale_shift_table, temb, tokens_last)[:2]
            modulated: torch.Tensor = module.norm1(hidden_states.float()) * (1 + scale) + shift
            return modulated.type_as(hidden_states)

        return modulate

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A block with its three sites made visible: same operations, same order."""
        module: Any = block.module
        norm1, attn1, norm2, attn2, norm3, ffn = (
            getattr(module, name) for name in ("norm1", "attn1", "norm2", "attn2", "norm3", "ffn")
        )
        tokens_last = _tokens_last(module)
        index = block.index

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            rotary_emb: Any,
            attention_mask: torch.Tensor | None = None,
        ) -> torch.Tensor:
            x = hidden_states
            shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = _modulation(
                module.scale_shift_table, temb, tokens_last
            )

            def attend() -> torch.Tensor:
                given = (norm1(x.float()) * (1 + scale) + shift).type_as(x)
                output: torch.Tensor = attn1(given, None, attention_mask, rotary_emb)
                return output

            x = (x.float() + visit(SPATIAL, index, attend, gate)).type_as(x)

            def attend_to_text() -> torch.Tensor:
                given = norm2(x.float()).type_as(x)
                output: torch.Tensor = attn2(given, encoder_hidden_states, None, None)
                return output

            x = x + visit(CROSS, index, attend_to_text, None)

            def feed_forward() -> torch.Tensor:
                output: torch.Tensor = ffn(
                    (norm3(x.float()) * (1 + mlp_scale) + mlp_shift).type_as(x)
                )
                return output

            return (x.float() + visit(MLP_SPATIAL, index, feed_forward, mlp_gate)).type_as(x)

        return forward


def _tokens_last(module: Any) -> bool:
    """How the modulation of single tokens lies; see `_modulation`."""
    return type(module).__name__ == "SkyReelsV2TransformerBlock"


def _modulation(
    table: torch.Tensor, embedding: torch.Tensor, tokens_last: bool
) -> tuple[torch.Tensor, ...]:
    """Shift, scale and gate of the attention, then those of the MLP.

    Args:
        table: (1, 6, width).
        embedding: (batch, 6, width) of the timestep; with a timestep for every token
            (batch, tokens, 6, width), as Wan 2.2 5B has it, or (batch, 6, tokens, width).
        tokens_last: which of the two it is: the latter is SkyReels'.

    Returns:
        Six tensors, (batch, 1, width) or (batch, tokens, width).
    """
    if embedding.ndim == 3:
        return (table + embedding.float()).chunk(6, dim=1)
    if tokens_last:
        parts = (table.unsqueeze(2) + embedding.float()).chunk(6, dim=1)
        return tuple(part.squeeze(1) for part in parts)
    parts = (table.unsqueeze(0) + embedding.float()).chunk(6, dim=2)
    return tuple(part.squeeze(2) for part in parts)
