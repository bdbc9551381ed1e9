"""Open-Sora without weights."""

from __future__ import annotations

from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.systems.blueprint import Decoder
from pab_bench.systems.checkpoint_blueprint import CheckpointBlueprint
from pab_bench.systems.networks import T5_XXL
from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.checkpoint import KIND
from pab_bench.systems.open_sora.prompts import prepare_prompt
from pab_bench.systems.open_sora.sampler import EMBEDDED
from pab_bench.systems.open_sora.sizes import CHUNK, SPATIAL_FACTOR, latent_frames


class OpenSoraBlueprint(CheckpointBlueprint):
    """Open-Sora's transformer, text encoder and decoder."""

    system = "open_sora"
    encoded_prompts = 1  # The negative prompt is a learned embedding.
    repository = "hpcai-tech/OpenSora-STDiT-v3"
    released: ClassVar = {"text_encoder": T5_XXL}
    embedded = EMBEDDED
    kind = KIND
    attached = STDiT3Architecture

    def guided(self, guidance: float) -> bool:
        """At a scale of exactly 1 there is no guidance."""
        return guidance != 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The rectified flow's timesteps for this size, as the transformer sees them."""
        scheduler = self._networks.scheduler(self.kind.scheduler)
        model, dtype = self.model, self._networks.dtype
        scheduler.set_timesteps(steps, model.height, model.width, model.frames, dtype)
        return tuple(int(t.to(dtype)) for t in scheduler.timesteps)

    def _prepared(self, prompt: str) -> str:
        return prepare_prompt(prompt)

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

    def decode(self, decoder: Decoder) -> None:
        """Decode; the paper used the same decoder."""
        latents = self._networks.empty(1, self._config.in_channels, *self._latent_size)
        self._vae.decode(latents, self.model.frames)

    @property
    def _latent_size(self) -> tuple[int, ...]:
        size = self.model.height // SPATIAL_FACTOR, self.model.width // SPATIAL_FACTOR
        return latent_frames(self.model.frames, CHUNK), *size
