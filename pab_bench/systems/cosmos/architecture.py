"""Sites of diffusers' `CosmosTransformer3DModel`, whose cross-attention has a gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.systems.diffusers.listed_blocks import ListedBlocks


class CosmosArchitecture(ListedBlocks):
    """Blocks of full attention over the video, cross-attention and an MLP, each with a gate.

    Source: Cosmos, arXiv 2501.03575; diffusers `models/transformers/transformer_cosmos.py`.
    """

    lists: ClassVar = {"transformer_blocks": "spatial"}
    classes: ClassVar = frozenset({"CosmosTransformerBlock"})
    position: ClassVar = 1

    def sites(self, block: Block) -> Sequence[Group]:
        """The same in every block."""
        return SPATIAL, CROSS, MLP_SPATIAL

    def told(self, value: torch.Tensor) -> None:
        """Nothing: calls have log sigma or sigma, in other units than the scheduler's timesteps."""

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A block with its three sites made visible: same operations, same order."""
        module: Any = block.module
        norm1, attn1, norm2, attn2, norm3, ff = (
            getattr(module, name) for name in ("norm1", "attn1", "norm2", "attn2", "norm3", "ff")
        )
        index = block.index

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: Any,
            embedded_timestep: torch.Tensor,
            temb: torch.Tensor | None = None,
            image_rotary_emb: Any = None,
            extra_pos_emb: torch.Tensor | None = None,
            attention_mask: torch.Tensor | None = None,
            controlnet_residual: torch.Tensor | None = None,
        ) -> torch.Tensor:
            x = hidden_states if extra_pos_emb is None else hidden_states + extra_pos_emb

            modulate, gate = _modulation(norm1, embedded_timestep, temb)

            def attend() -> torch.Tensor:
                output: torch.Tensor = attn1(modulate(x), image_rotary_emb=image_rotary_emb)
                return output

            x = x + visit(SPATIAL, index, attend, gate)

            modulate, gate = _modulation(norm2, embedded_timestep, temb)

            def attend_to_text() -> torch.Tensor:
                output: torch.Tensor = attn2(
                    modulate(x),
                    encoder_hidden_states=encoder_hidden_states,
                    attention_mask=attention_mask,
                )
                return output

            x = x + visit(CROSS, index, attend_to_text, gate)

            modulate, gate = _modulation(norm3, embedded_timestep, temb)

            def feed_forward() -> torch.Tensor:
                output: torch.Tensor = ff(modulate(x))
                return output

            x = x + visit(MLP_SPATIAL, index, feed_forward, gate)
            return x if controlnet_residual is None else x + controlnet_residual

        return forward


def _modulation(
    norm: Any, embedding: torch.Tensor, added: torch.Tensor | None
) -> tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    """What a `CosmosAdaLayerNormZero` does, in parts: a site that reuses needs the gate only.

    Args:
        norm: the module.
        embedding: of the timestep, (batch, width) or (batch, tokens, width).
        added: likewise, (batch, 3 width) or (batch, tokens, 3 width); None in some versions.

    Returns:
        What normalises and modulates hidden states, and the gate.
    """
    parts = norm.linear_2(norm.linear_1(norm.activation(embedding)))
    if added is not None:
        parts = parts + added
    shift, scale, gate = parts.chunk(3, dim=-1)
    if parts.ndim == 2:
        shift, scale, gate = (part.unsqueeze(1) for part in (shift, scale, gate))

    def modulate(x: torch.Tensor) -> torch.Tensor:
        modulated: torch.Tensor = norm.norm(x) * (1 + scale) + shift
        return modulated

    return modulate, gate
