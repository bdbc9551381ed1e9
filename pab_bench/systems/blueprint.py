"""A model without weights: its networks on the `meta` device, at the configured size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from pab_bench.engine.sites import Architecture

Decoder = Literal["none", "model", "paper"]
"""Whether decoding counts, and by which decoder."""


class Blueprint(Protocol):
    """Every system has one; it runs its networks on `meta` tensors, so that work can be counted.

    Attributes:
        system: the name that conventions know it by.
        encoded_prompts: prompts that the text encoder encodes for one video: 2 where the negative
            prompt is encoded, too.
    """

    system: str
    encoded_prompts: int

    @property
    def padded_text_tokens(self) -> int:
        """Number of tokens that prompts are padded to for the text encoder."""
        ...

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        ...

    def guided(self, guidance: float) -> bool:
        """Whether the sampler uses classifier-free guidance at this scale."""
        ...

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The timestep at every call of the transformer, truncated to an integer."""
        ...

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prompt; None if there is no tokenizer here."""
        ...

    def encode(self) -> None:
        """Encode one padded prompt."""
        ...

    def decode(self, decoder: Decoder) -> None:
        """Decode one video with the model's own decoder, or with the one that the paper used."""
        ...


@runtime_checkable
class SizedBlueprint(Blueprint, Protocol):
    """A blueprint that knows what its transformer is called with, once in a denoising step."""

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the sampler calls the transformer with, on the `meta` device.

        One entry is `timestep`. Masks have numbers, for their sums are shapes.

        Args:
            batch: videos, twice as many with classifier-free guidance.
            text_tokens: tokens that are attended to.
        """
        ...


@runtime_checkable
class RehearsedBlueprint(Blueprint, Protocol):
    """A blueprint whose pipeline says by itself what it calls its transformer with."""

    def calls(self, guidance: float, prompt: str) -> Sequence[Mapping[str, Any]]:
        """What the transformer is called with in one denoising step, by name, for every lane."""
        ...
