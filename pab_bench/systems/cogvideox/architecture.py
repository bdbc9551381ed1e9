"""Sites of diffusers' `CogVideoXTransformer3DModel`, which attends to everything at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL, Group
from pab_bench.engine.sites import Block, BlockForward, Visit
from pab_bench.engine.stack import StackBlock


class CogVideoXArchitecture:
    """Blocks of joint attention over text and video tokens, and an MLP over both.

    The attention counts as `spatial`, as in PAB's own code and in diffusers' hook for this model.
    Text and video are two residual streams with gates of their own: a site's tensor holds both,
    text first, (batch, text tokens + video tokens, width), and so does its gate.

    Args:
        transformer: a `CogVideoXTransformer3DModel`.
    """

    groups: tuple[Group, ...] = (SPATIAL, MLP_SPATIAL)

    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.blocks())

    def blocks(self) -> Sequence[Block]:
        """All blocks, which make one branch."""
        children = self.transformer.get_submodule("transformer_blocks").children()
        return [Block(module, index, "spatial") for index, module in enumerate(children)]

    def stack(self) -> Sequence[StackBlock]:
        """All blocks, through which video and text go as two streams."""
        streams = ("hidden_states", "encoder_hidden_states")
        return [
            StackBlock(
                b.module,
                b.index,
                ((SPATIAL, b.index), (MLP_SPATIAL, b.index)),
                streams,
                modulate=_modulated_input_of(b.module),
            )
            for b in self.blocks()
        ]

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """The first entry of the batch's timesteps; all are equal while sampling."""
        value = kwargs["timestep"] if "timestep" in kwargs else args[2]
        return int(value.flatten()[0])

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A `CogVideoXBlock` with its two sites made visible: same operations, same order."""
        module: Any = block.module
        # Looked up once: attributes of modules are slow, and this runs for every block and step.
        norm1, attn1, norm2, ff = (
            getattr(module, name) for name in ("norm1", "attn1", "norm2", "ff")
        )
        index = block.index

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
            attention_kwargs: dict[str, Any] | None = None,
        ) -> tuple[torch.Tensor, torch.Tensor]:
            video, text = hidden_states, encoder_hidden_states
            words = text.shape[1]
            modulation = _Modulation(norm1, temb)

            def attend() -> torch.Tensor:
                attended, attended_text = attn1(
                    hidden_states=modulation.video(video),
                    encoder_hidden_states=modulation.text(text),
                    image_rotary_emb=image_rotary_emb,
                    **(attention_kwargs or {}),
                )
                return torch.cat([attended_text, attended], dim=1)

            change = visit(SPATIAL, index, attend, modulation.gate(text, video))
            video, text = video + change[:, words:], text + change[:, :words]

            modulation = _Modulation(norm2, temb)

            def feed_forward() -> torch.Tensor:
                both = torch.cat([modulation.text(text), modulation.video(video)], dim=1)
                output: torch.Tensor = ff(both)
                return output

            change = visit(MLP_SPATIAL, index, feed_forward, modulation.gate(text, video))
            return video + change[:, words:], text + change[:, :words]

        return forward


def _modulated_input_of(module: Any) -> Callable[..., torch.Tensor]:
    """What computes, called as a block is, what its attention is given of the video."""

    def modulate(
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        temb: torch.Tensor,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        del encoder_hidden_states, args, kwargs
        return _Modulation(module.norm1, temb).video(hidden_states)

    return modulate


class _Modulation:
    """What a `CogVideoXLayerNormZero` does, in parts: a site that reuses needs the gate only.

    Args:
        norm: the module.
        embedding: (batch, width) of the timestep.
    """

    def __init__(self, norm: Any, embedding: torch.Tensor) -> None:
        self._norm = norm.norm
        parts = norm.linear(norm.silu(embedding)).chunk(6, dim=1)
        self._shift, self._scale, self._gate = parts[:3]
        self._text_shift, self._text_scale, self._text_gate = parts[3:]

    def video(self, x: torch.Tensor) -> torch.Tensor:
        """Video tokens, normalised and modulated."""
        modulated: torch.Tensor = self._norm(x) * (1 + self._scale)[:, None] + self._shift[:, None]
        return modulated

    def text(self, x: torch.Tensor) -> torch.Tensor:
        """Text tokens, normalised and modulated."""
        modulated: torch.Tensor = (
            self._norm(x) * (1 + self._text_scale)[:, None] + self._text_shift[:, None]
        )
        return modulated

    def gate(self, text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
        """The gate of every token, text first."""
        return torch.cat(
            [self._text_gate[:, None].expand_as(text), self._gate[:, None].expand_as(video)], dim=1
        )
