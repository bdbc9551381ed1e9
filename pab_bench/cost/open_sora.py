"""Open-Sora without weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch

from pab_bench.broadcast.stdit3_architecture import STDiT3Architecture
from pab_bench.config.settings import ModelSettings
from pab_bench.cost.conventions import Decoder
from pab_bench.cost.networks import T5_XXL, Networks
from pab_bench.models.open_sora.prompts import prepare_prompt
from pab_bench.models.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.models.open_sora.sizes import CHUNK, SPATIAL_FACTOR, latent_frames
from pab_bench.models.open_sora.transformer import STDiT3Transformer
from pab_bench.models.open_sora.vae import OpenSoraVAE
from pab_bench.samplers.open_sora import EMBEDDED

RELEASED: Mapping[str, Mapping[str, Any]] = {"text_encoder": T5_XXL}
"""Constructor arguments of the released networks; the defaults of the other classes are theirs."""

RELEASED_REPOSITORY = "hpcai-tech/OpenSora-STDiT-v3"


class OpenSoraBlueprint:
    """Open-Sora's transformer, text encoder and decoder.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks; timesteps are rounded to it.

    Raises:
        ConfigError: if the shapes are not known.
    """

    system = "open_sora"
    encoded_prompts = 1
    """The negative prompt is a learned embedding."""

    def __init__(self, model: ModelSettings, dtype: torch.dtype) -> None:
        self.model = model
        self._networks = Networks(model, EMBEDDED, RELEASED_REPOSITORY, RELEASED, dtype)
        transformer = self._networks.build(STDiT3Transformer, "transformer")
        self._config = transformer.config
        self.padded_text_tokens: int = self._config.model_max_length
        self.architecture = STDiT3Architecture(transformer)

    def guided(self, guidance: float) -> bool:
        """At a scale of exactly 1 there is no guidance."""
        return guidance != 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The rectified flow's timesteps for this size, as the transformer sees them."""
        scheduler = RectifiedFlowScheduler.from_config(self._networks.config("scheduler"))
        model, dtype = self.model, self._networks.dtype
        scheduler.set_timesteps(steps, model.height, model.width, model.frames, dtype)
        return tuple(int(t.to(dtype)) for t in scheduler.timesteps)

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prepared prompt; None if the checkpoint is not here."""
        prepared = [prepare_prompt(prompt) for prompt in prompts]
        return self._networks.text_tokens(prepared, self.padded_text_tokens)

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with.

        It projects the padded text and attends to the prompt's tokens.
        """
        empty, config = self._networks.empty, self._config
        return {
            "hidden_states": empty(batch, config.in_channels, *self._latent_size),
            "timestep": torch.empty(batch, device="meta"),
            "encoder_hidden_states": empty(batch, self.padded_text_tokens, config.caption_channels),
            "encoder_attention_mask": torch.arange(self.padded_text_tokens)[None] < text_tokens,
            "height": float(self.model.height),
            "width": float(self.model.width),
            "return_dict": False,
        }

    def encode(self) -> None:
        """Encode one prompt, padded."""
        self._networks.encode(self.padded_text_tokens)

    def decode(self, decoder: Decoder) -> None:
        """Decode; the paper used the same decoder."""
        latents = self._networks.empty(1, self._config.in_channels, *self._latent_size)
        self._vae.decode(latents, self.model.frames)

    @property
    def _latent_size(self) -> tuple[int, int, int]:
        size = self.model.height // SPATIAL_FACTOR, self.model.width // SPATIAL_FACTOR
        return latent_frames(self.model.frames, CHUNK), *size

    @cached_property
    def _vae(self) -> Any:
        return self._networks.build(OpenSoraVAE, "vae")
