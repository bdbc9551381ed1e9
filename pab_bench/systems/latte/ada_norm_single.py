"""Broadcasting in transformers of Latte's kind: Latte itself and Open-Sora-Plan's `LatteT2V`.

Both are made of diffusers' `BasicTransformerBlock` with adaptive normalisation in the form of
PixArt's adaLN-single.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.engine.stack import StackBlock


class AdaNormSingleArchitecture:
    """Spatial and temporal blocks with self-attention and MLP; cross-attention in spatial ones.

    Args:
        transformer: has `transformer_blocks` and `temporal_transformer_blocks`.
    """

    groups: tuple[Group, ...] = (SPATIAL, TEMPORAL, CROSS, MLP_SPATIAL, MLP_TEMPORAL)

    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer

    @property
    def depth(self) -> int:
        """Number of block pairs."""
        return len(self._children("transformer_blocks"))

    def _children(self, name: str) -> list[nn.Module]:
        return list(self.transformer.get_submodule(name).children())

    def blocks(self) -> Sequence[Block]:
        """The spatial and the temporal blocks."""
        spatial = self._children("transformer_blocks")
        temporal = self._children("temporal_transformer_blocks")
        return [Block(m, i, "spatial") for i, m in enumerate(spatial)] + [
            Block(m, i, "temporal") for i, m in enumerate(temporal)
        ]

    def stack(self) -> Sequence[StackBlock]:
        """Pairs of blocks; a spatial one sees (batch * frames, tokens)."""
        pairs = zip(
            self._children("transformer_blocks"),
            self._children("temporal_transformer_blocks"),
            strict=True,
        )
        return [
            block
            for i, (spatial, temporal) in enumerate(pairs)
            for block in (
                StackBlock(
                    spatial,
                    i,
                    ((SPATIAL, i), (CROSS, i), (MLP_SPATIAL, i)),
                    layout="spatial",
                    modulate=modulated_input_of(spatial),
                ),
                StackBlock(temporal, i, ((TEMPORAL, i), (MLP_TEMPORAL, i)), layout="temporal"),
            )
        ]

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """The first entry of the batch's timesteps; all are equal while sampling."""
        value = kwargs["timestep"] if "timestep" in kwargs else args[1]
        return int(value.flatten()[0])

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """Adaptive-norm block (`norm_type="ada_norm_single"`) with its sites made visible."""
        return ada_norm_single_forward(block, visit)


def modulated_input_of(module: Any) -> Callable[..., torch.Tensor]:
    """What computes, called as a block is, what its self-attention is given.

    Args:
        module: a `BasicTransformerBlock` whose modulation is shared.
    """

    def modulate(
        hidden_states: torch.Tensor, *args: Any, timestep: torch.Tensor | None = None, **kwargs: Any
    ) -> torch.Tensor:
        if timestep is None:  # By place it is the fourth after the tokens.
            timestep = args[3]
        shift, scale = _modulation(module, hidden_states, timestep)[:2]
        modulated: torch.Tensor = module.norm1(hidden_states) * (1 + scale) + shift
        return modulated

    return modulate


def _modulation(
    module: Any, hidden_states: torch.Tensor, timestep: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Shift, scale and gate of the attention, then those of the MLP, (batch, 1, width) each."""
    table = module.scale_shift_table[None] + timestep.reshape(len(hidden_states), 6, -1)
    return table.chunk(6, dim=1)


def ada_norm_single_forward(block: Block, visit: Visit) -> BlockForward:
    """The forward pass of a diffusers `BasicTransformerBlock` whose modulation is shared.

    Same operations in the same order as the block itself (PixArt's adaLN-single): self-attention
    and MLP are modulated and gated, cross-attention is neither normalised nor gated.
    """
    module: Any = block.module
    # Looked up once: attributes of modules are slow, and this runs for every block and step.
    norm1, attn1, attn2, norm2, ff = (
        getattr(module, name) for name in ("norm1", "attn1", "attn2", "norm2", "ff")
    )
    index = block.index
    attention = SPATIAL if block.branch == "spatial" else TEMPORAL
    mlp = MLP_SPATIAL if block.branch == "spatial" else MLP_TEMPORAL

    def forward(
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        timestep: torch.Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        del class_labels
        if timestep is None:
            raise ValueError("timestep: the block needs the timestep's modulation, got None")
        extra = cross_attention_kwargs or {}
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = _modulation(
            module, hidden_states, timestep
        )

        def attend() -> torch.Tensor:
            modulated = norm1(hidden_states) * (1 + scale) + shift
            output: torch.Tensor = attn1(modulated, attention_mask=attention_mask, **extra)
            return output

        hidden_states = visit(attention, index, attend, gate) + hidden_states

        if attn2 is not None:

            def attend_text() -> torch.Tensor:
                output: torch.Tensor = attn2(
                    hidden_states,
                    encoder_hidden_states=encoder_hidden_states,
                    attention_mask=encoder_attention_mask,
                    **extra,
                )
                return output

            hidden_states = visit(CROSS, index, attend_text, None) + hidden_states

        def feed_forward() -> torch.Tensor:
            modulated = norm2(hidden_states) * (1 + mlp_scale) + mlp_shift
            output: torch.Tensor = ff(modulated)
            return output

        return visit(mlp, index, feed_forward, mlp_gate) + hidden_states

    return forward
