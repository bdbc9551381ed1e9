"""Sites of diffusers' `LTXVideoTransformer3DModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.systems.diffusers.listed_blocks import ListedBlocks


class LTXVideoArchitecture(ListedBlocks):
    """Blocks of full attention over the video, cross-attention without norm and gate, and an MLP.

    Source: LTX-Video, arXiv 2501.00103; diffusers `models/transformers/transformer_ltx.py`.
    """

    lists: ClassVar = {"transformer_blocks": "spatial"}
    classes: ClassVar = frozenset({"LTXVideoTransformerBlock"})
    position: ClassVar = 2

    def sites(self, block: Block) -> Sequence[Group]:
        """The same in every block."""
        return SPATIAL, CROSS, MLP_SPATIAL

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A block with its three sites made visible: same operations, same order."""
        module: Any = block.module
        norm1, attn1, attn2, norm2, ff = (
            getattr(module, name) for name in ("norm1", "attn1", "attn2", "norm2", "ff")
        )
        index = block.index

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
            encoder_attention_mask: torch.Tensor | None = None,
        ) -> torch.Tensor:
            x = hidden_states
            table = module.scale_shift_table
            embedding = temb.reshape(len(x), temb.shape[1], len(table), -1)
            modulation = table[None, None].to(temb.device) + embedding
            shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.unbind(dim=2)

            def attend() -> torch.Tensor:
                output: torch.Tensor = attn1(
                    hidden_states=norm1(x) * (1 + scale) + shift,
                    encoder_hidden_states=None,
                    image_rotary_emb=image_rotary_emb,
                )
                return output

            x = x + visit(SPATIAL, index, attend, gate)

            def attend_to_text() -> torch.Tensor:
                output: torch.Tensor = attn2(
                    x,
                    encoder_hidden_states=encoder_hidden_states,
                    image_rotary_emb=None,
                    attention_mask=encoder_attention_mask,
                )
                return output

            x = x + visit(CROSS, index, attend_to_text, None)

            def feed_forward() -> torch.Tensor:
                output: torch.Tensor = ff(norm2(x) * (1 + mlp_scale) + mlp_shift)
                return output

            return x + visit(MLP_SPATIAL, index, feed_forward, mlp_gate)

        return forward
