"""Sites of diffusers' `HunyuanVideoTransformer3DModel` and `HunyuanVideo15Transformer3DModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.systems.diffusers.listed_blocks import ListedBlocks

MLP_TEXT = Group("mlp", "text")
SPATIAL_SINGLE = Group("spatial", "single")

Pair = tuple[torch.Tensor, torch.Tensor]
"""Of video and text."""


class HunyuanVideoArchitecture(ListedBlocks):
    """Blocks of joint attention and an MLP for each stream; then those of a single stream.

    Attention over video and text gives two tensors, each with a gate. A block of the single stream
    puts its attention beside its MLP into one linear layer and gates what comes out of that: its
    attention has no gate of its own, and its MLP, two plain layers, is no site. Version 1.5 has no
    such blocks.

    Source: HunyuanVideo, arXiv 2412.03603; diffusers
    `models/transformers/transformer_hunyuan_video.py` and `transformer_hunyuan_video15.py`.
    """

    lists: ClassVar = {"transformer_blocks": "spatial", "single_transformer_blocks": "single"}
    classes: ClassVar = frozenset(
        {
            "HunyuanVideoTransformerBlock",
            "HunyuanVideo15TransformerBlock",
            "HunyuanVideoSingleTransformerBlock",
        }
    )
    position: ClassVar = 1
    streams: ClassVar = ("hidden_states", "encoder_hidden_states")

    def sites(self, block: Block) -> Sequence[Group]:
        """By the block's list."""
        if block.branch == "single":
            return (SPATIAL_SINGLE,)
        return SPATIAL, MLP_SPATIAL, MLP_TEXT

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A block with its sites made visible: same operations, same order."""
        if block.branch == "single":
            return _single_forward(block.module, block.index, visit)
        return _double_forward(block.module, block.index, visit)


def _double_forward(module: Any, index: int, visit: Visit) -> BlockForward:
    """The forward pass of a block of two streams."""
    norm1, norm1_text, attn, norm2, norm2_text, ff, ff_text = (
        getattr(module, name)
        for name in ("norm1", "norm1_context", "attn", "norm2", "norm2_context", "ff", "ff_context")
    )

    def forward(
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        temb: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        freqs_cis: Pair | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Pair:
        del args, kwargs  # As the block does.
        video, text = hidden_states, encoder_hidden_states
        own, own_text = _Modulation(norm1, temb), _Modulation(norm1_text, temb)

        def attend() -> Pair:
            output: Pair = attn(
                hidden_states=own.for_attention(norm1.norm(video)),
                encoder_hidden_states=own_text.for_attention(norm1_text.norm(text)),
                attention_mask=attention_mask,
                image_rotary_emb=freqs_cis,
            )
            return output

        change, change_text = visit(SPATIAL, index, attend, (own.gate, own_text.gate))
        video, text = video + change, text + change_text

        def feed_forward() -> torch.Tensor:
            output: torch.Tensor = ff(own.for_mlp(norm2(video)))
            return output

        def feed_text_forward() -> torch.Tensor:
            output: torch.Tensor = ff_text(own_text.for_mlp(norm2_text(text)))
            return output

        video = video + visit(MLP_SPATIAL, index, feed_forward, own.mlp_gate)
        return video, text + visit(MLP_TEXT, index, feed_text_forward, own_text.mlp_gate)

    return forward


def _single_forward(module: Any, index: int, visit: Visit) -> BlockForward:
    """The forward pass of a block of a single stream, video before text."""
    norm, attn, proj_mlp, act_mlp, proj_out = (
        getattr(module, name) for name in ("norm", "attn", "proj_mlp", "act_mlp", "proj_out")
    )

    def forward(
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        temb: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: Pair | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Pair:
        del args, kwargs  # As the block does.
        tokens = hidden_states.shape[1]
        both = torch.cat([hidden_states, encoder_hidden_states], dim=1)
        normed, gate = norm(both, emb=temb)  # The MLP needs it in any case.
        mlp = act_mlp(proj_mlp(normed))

        def attend() -> Pair:
            output: Pair = attn(
                hidden_states=normed[:, :tokens],
                encoder_hidden_states=normed[:, tokens:],
                attention_mask=attention_mask,
                image_rotary_emb=image_rotary_emb,
            )
            return output

        attended = torch.cat(visit(SPATIAL_SINGLE, index, attend, None), dim=1)
        both = gate.unsqueeze(1) * proj_out(torch.cat([attended, mlp], dim=2)) + both
        return both[:, :tokens], both[:, tokens:]

    return forward


class _Modulation:
    """What an `AdaLayerNormZero` makes of the timestep: a site that reuses needs the gate only.

    Args:
        norm: the module.
        embedding: (batch, width) of the timestep.

    Attributes:
        gate: of the attention, (batch, 1, width).
        mlp_gate: of the MLP, likewise.
    """

    def __init__(self, norm: Any, embedding: torch.Tensor) -> None:
        parts = norm.linear(norm.silu(embedding)).chunk(6, dim=1)
        self._shift, self._scale, self.gate = (part[:, None] for part in parts[:3])
        self._mlp_shift, self._mlp_scale, self.mlp_gate = (part[:, None] for part in parts[3:])

    def for_attention(self, normed: torch.Tensor) -> torch.Tensor:
        """Modulate what is attended to, (batch, tokens, width)."""
        modulated: torch.Tensor = normed * (1 + self._scale) + self._shift
        return modulated

    def for_mlp(self, normed: torch.Tensor) -> torch.Tensor:
        """Modulate what the MLP is given, (batch, tokens, width)."""
        modulated: torch.Tensor = normed * (1 + self._mlp_scale) + self._mlp_shift
        return modulated
