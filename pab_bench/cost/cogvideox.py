"""CogVideoX without weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXTransformer3DModel,
)

from pab_bench.config.settings import ModelSettings
from pab_bench.cost.conventions import Decoder
from pab_bench.cost.networks import T5_XXL, Networks
from pab_bench.samplers.cogvideox import CogVideoXArchitecture

RELEASED: Mapping[str, Mapping[str, Any]] = {
    "text_encoder": T5_XXL,
    "scheduler": {"timestep_spacing": "trailing"},
}
"""Constructor arguments of CogVideoX-2b's networks; diffusers' defaults are the others'."""

RELEASED_REPOSITORY = "THUDM/CogVideoX-2b"


class CogVideoXBlueprint:
    """CogVideoX's transformer, text encoder and decoder.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks.

    Raises:
        ConfigError: if the shapes are not known.
    """

    system = "cogvideox"
    encoded_prompts = 2

    def __init__(self, model: ModelSettings, dtype: torch.dtype) -> None:
        self.model = model
        self._networks = Networks(model, None, RELEASED_REPOSITORY, RELEASED, dtype)
        transformer = self._networks.build(CogVideoXTransformer3DModel, "transformer")
        self._config = transformer.config
        self.padded_text_tokens: int = self._config.max_text_seq_length
        self.architecture = CogVideoXArchitecture(transformer)

    def guided(self, guidance: float) -> bool:
        """Up to a scale of 1 there is no guidance."""
        return guidance > 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The DDIM scheduler's timesteps, one per call."""
        scheduler = CogVideoXDDIMScheduler.from_config(self._networks.config("scheduler"))
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

    def text_tokens(self, prompts: Sequence[str]) -> None:
        """Padding is attended to: always the padded length."""
        del prompts

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with."""
        empty, config = self._networks.empty, self._config
        frames, *size = self._latent_size
        frames += -frames % (config.patch_size_t or 1)
        tokens = frames // (config.patch_size_t or 1) * size[0] * size[1] // config.patch_size**2
        angles = torch.empty(tokens, config.attention_head_dim, device="meta")
        rotary = config.use_rotary_positional_embeddings
        return {
            "hidden_states": empty(batch, frames, config.in_channels, *size),
            "encoder_hidden_states": empty(batch, text_tokens, config.text_embed_dim),
            "timestep": torch.zeros(batch, dtype=torch.int64, device="meta"),
            "image_rotary_emb": (angles, angles) if rotary else None,
            "return_dict": False,
        }

    def encode(self) -> None:
        """Encode one prompt, padded."""
        self._networks.encode(self.padded_text_tokens)

    def decode(self, decoder: Decoder) -> None:
        """Decode; the paper has no other decoder for this model."""
        self._vae.decode(self._networks.empty(1, self._config.in_channels, *self._latent_size))

    @property
    def _latent_size(self) -> tuple[int, int, int]:
        space = 2 ** (len(self._vae.config.block_out_channels) - 1)
        frames = (self.model.frames - 1) // self._vae.config.temporal_compression_ratio + 1
        return frames, self.model.height // space, self.model.width // space

    @cached_property
    def _vae(self) -> Any:
        return self._networks.build(AutoencoderKLCogVideoX, "vae")
