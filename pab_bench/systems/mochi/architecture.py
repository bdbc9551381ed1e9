"""Sites of diffusers' `MochiTransformer3DModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Output, Visit
from pab_bench.systems.diffusers.listed_blocks import ListedBlocks

MLP_TEXT = Group("mlp", "text")
_FULL = 1000
"""Timesteps rise from 0, which is noise, to 1000."""


class MochiArchitecture(ListedBlocks):
    """Blocks of joint attention and an MLP for each stream; the last one has none for the text.

    A site's output is normalised and then multiplied with tanh of its gate. The norm belongs to the
    site, which is kept behind it, in float32 as it is computed. In the last block no more is kept
    of the attention than the video's part, as the rest has no effect.

    Source: Mochi 1, https://github.com/genmoai/mochi; diffusers
    `models/transformers/transformer_mochi.py`.
    """

    lists: ClassVar = {"transformer_blocks": "spatial"}
    classes: ClassVar = frozenset({"MochiTransformerBlock"})
    position: ClassVar = 2
    streams: ClassVar = ("hidden_states", "encoder_hidden_states")

    def sites(self, block: Block) -> Sequence[Group]:
        """The last block has no MLP for the text."""
        last = getattr(block.module, "context_pre_only")  # noqa: B009
        return (SPATIAL, MLP_SPATIAL) if last else (SPATIAL, MLP_SPATIAL, MLP_TEXT)

    def told(self, value: torch.Tensor) -> int:
        """The noise level: 1000 less the timestep, truncated, rounded as pipelines round it."""
        dtype = next(self.transformer.parameters()).dtype
        return int(_FULL - value.to(dtype).float().max())

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A block with its sites made visible: same operations, same order."""
        module: Any = block.module
        norm1, norm1_text, attn1, ff = (
            getattr(module, name) for name in ("norm1", "norm1_context", "attn1", "ff")
        )
        index, last = block.index, module.context_pre_only

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            encoder_attention_mask: torch.Tensor,
            image_rotary_emb: torch.Tensor | None = None,
        ) -> tuple[torch.Tensor, torch.Tensor]:
            video, text = hidden_states, encoder_hidden_states
            own = _Modulation(norm1, temb)
            own_text = None if last else _Modulation(norm1_text, temb)

            def attend() -> Output:
                given_text = (
                    norm1_text(text, temb) if own_text is None else own_text.for_attention(text)
                )
                attended, attended_text = attn1(
                    hidden_states=own.for_attention(video),
                    encoder_hidden_states=given_text,
                    image_rotary_emb=image_rotary_emb,
                    attention_mask=encoder_attention_mask,
                )
                normed = _norm(module.norm2, attended)
                return normed if last else (normed, _norm(module.norm2_context, attended_text))

            if own_text is None:
                change = visit(SPATIAL, index, attend, own.gate)
            else:
                change, change_text = visit(SPATIAL, index, attend, (own.gate, own_text.gate))
                text = text + change_text.to(text.dtype)
            video = video + change.to(video.dtype)

            def feed_forward() -> torch.Tensor:
                return _norm(module.norm4, ff(module.norm3(video, own.mlp_scale)))

            change = visit(MLP_SPATIAL, index, feed_forward, own.mlp_gate)
            video = video + change.to(video.dtype)
            if own_text is None:
                return video, text
            scale = own_text.mlp_scale

            def feed_text_forward() -> torch.Tensor:
                output = module.ff_context(module.norm3_context(text, scale))
                return _norm(module.norm4_context, output)

            change = visit(MLP_TEXT, index, feed_text_forward, own_text.mlp_gate)
            return video, text + change.to(text.dtype)

        return forward


def _norm(norm: Any, x: torch.Tensor) -> torch.Tensor:
    """What a `MochiModulatedRMSNorm` does before it multiplies: in float32."""
    normed: torch.Tensor = norm.norm(x.to(torch.float32))
    return normed


class _Modulation:
    """What a `MochiRMSNormZero` does, in parts: a site that reuses needs the gate only.

    Args:
        norm: the module.
        embedding: (batch, width) of the timestep.

    Attributes:
        gate: of the attention, (batch, 1, width) within -1 and 1.
        mlp_gate: of the MLP, likewise.
        mlp_scale: what the MLP's normalised input is multiplied by, in float32.
    """

    def __init__(self, norm: Any, embedding: torch.Tensor) -> None:
        self._norm = norm.norm
        scale, gate, mlp_scale, mlp_gate = norm.linear(norm.silu(embedding)).chunk(4, dim=1)
        self._scale = 1 + scale[:, None].to(torch.float32)
        self.gate, self.mlp_gate = (torch.tanh(own).unsqueeze(1) for own in (gate, mlp_gate))
        self.mlp_scale = 1 + mlp_scale.unsqueeze(1).to(torch.float32)

    def for_attention(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise and scale what is attended to, (batch, tokens, width)."""
        scaled: torch.Tensor = self._norm(x.to(torch.float32)) * self._scale
        return scaled.to(x.dtype)
