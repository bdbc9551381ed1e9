"""What the blueprints of all checkpoints in diffusers' layout have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pab_bench.engine.sites import Architecture
from pab_bench.systems.blueprint import Decoder
from pab_bench.systems.checkpoints.checkpoint import Kind
from pab_bench.systems.loading import DTYPES
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.networks import Networks


class CheckpointBlueprint(ABC):
    """A `Blueprint` of transformer, T5, decoder and scheduler.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks, by name.

    Raises:
        ConfigError: if the shapes are not known.
    """

    system: str
    encoded_prompts = 2

    repository: ClassVar[str]
    """The released checkpoint, whose shapes are known without its files."""
    released: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Constructor arguments of its networks by part; what is not named has its class' defaults."""
    embedded: ClassVar[Path | None] = None
    """The folder of the checkpoint that ships with the package."""
    kind: ClassVar[Kind]
    """Its networks and its scheduler."""
    attached: ClassVar[Any]
    """Its `Architecture`."""

    def __init__(self, model: ModelSettings, dtype: str) -> None:
        self.model = model
        self._networks = Networks(
            model, self.embedded, self.repository, self.released, DTYPES[dtype]
        )
        transformer = self._networks.build(self.kind.transformer, "transformer")
        self._config = transformer.config
        self._architecture: Architecture = self.attached(transformer)

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        return self._architecture

    @property
    def padded_text_tokens(self) -> int:
        """The length that prompts are padded to for the text encoder."""
        return int(self._config.model_max_length)

    def guided(self, guidance: float) -> bool:
        """Up to a scale of 1 there is no guidance."""
        return guidance > 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The scheduler's timesteps, one per call."""
        scheduler = self._networks.scheduler(self.kind.scheduler)
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prompt; None if the checkpoint is not here."""
        prepared = [self._prepared(prompt) for prompt in prompts]
        return self._networks.text_tokens(prepared, self.padded_text_tokens)

    @abstractmethod
    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with."""

    def encode(self) -> None:
        """Encode one prompt, padded."""
        self._networks.encode(self.padded_text_tokens)

    def decode(self, decoder: Decoder) -> None:
        """Decode; the paper used the same decoder, or has none for this model."""
        self._vae.decode(self._networks.empty(1, self._config.in_channels, *self._latent_size))

    def _prepared(self, prompt: str) -> str:
        """A prompt as the tokenizer gets it."""
        return prompt

    @property
    @abstractmethod
    def _latent_size(self) -> tuple[int, ...]:
        """Of a video's latents: frames, height, width."""

    @cached_property
    def _vae(self) -> Any:
        return self._networks.build(self.kind.vae, "vae")
