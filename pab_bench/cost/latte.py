"""Latte without weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLTemporalDecoder,
    DDIMScheduler,
    LatteTransformer3DModel,
)

from pab_bench.broadcast.latte_architecture import LatteArchitecture
from pab_bench.config.settings import ModelSettings
from pab_bench.cost.conventions import Decoder
from pab_bench.cost.networks import T5_XXL, Networks
from pab_bench.samplers.latte import EMBEDDED

RELEASED: Mapping[str, Mapping[str, Any]] = {
    "transformer": {
        "num_attention_heads": 16,
        "attention_head_dim": 72,
        "in_channels": 4,
        "out_channels": 8,
        "num_layers": 28,
        "cross_attention_dim": 1152,
        "attention_bias": True,
        "sample_size": 64,
        "patch_size": 2,
        "activation_fn": "gelu-approximate",
        "num_embeds_ada_norm": 1000,
        "norm_type": "ada_norm_single",
        "norm_elementwise_affine": False,
        "norm_eps": 1e-6,
        "caption_channels": 4096,
        "video_length": 16,
    },
    "text_encoder": T5_XXL,
    "vae": {
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "latent_channels": 4,
    },
    "scheduler": {"num_train_timesteps": 1000, "timestep_spacing": "leading", "steps_offset": 0},
}
"""Constructor arguments of Latte-1's networks."""

RELEASED_REPOSITORY = "maxin-cn/Latte-1"
LATENT_SCALE = 8
DECODED_TOGETHER = 14
"""Frames that the temporal decoder takes at once."""


class LatteBlueprint:
    """Latte's transformer, text encoder and decoders.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks.

    Raises:
        ConfigError: if the shapes are not known.
    """

    system = "latte"
    padded_text_tokens = 120
    encoded_prompts = 2

    def __init__(self, model: ModelSettings, dtype: torch.dtype) -> None:
        self._networks = Networks(model, EMBEDDED, RELEASED_REPOSITORY, RELEASED, dtype)
        transformer = self._networks.build(LatteTransformer3DModel, "transformer")
        self._config = transformer.config
        self._frames = model.frames
        self._latent_size = model.height // LATENT_SCALE, model.width // LATENT_SCALE
        self.architecture = LatteArchitecture(transformer)

    def guided(self, guidance: float) -> bool:
        """Up to a scale of 1 there is no guidance."""
        return guidance > 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The DDIM scheduler's timesteps, one per call."""
        scheduler = DDIMScheduler.from_config(self._networks.config("scheduler"))
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prompt; None if the checkpoint is not here."""
        return self._networks.text_tokens(prompts, self.padded_text_tokens)

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with; the text is cut to the prompt's tokens."""
        empty, config = self._networks.empty, self._config
        return {
            "hidden_states": empty(batch, config.in_channels, self._frames, *self._latent_size),
            "timestep": torch.zeros(batch, dtype=torch.int64, device="meta"),
            "encoder_hidden_states": empty(batch, text_tokens, config.caption_channels),
            "return_dict": False,
        }

    def encode(self) -> None:
        """Encode one prompt, padded."""
        self._networks.encode(self.padded_text_tokens)

    def decode(self, decoder: Decoder) -> None:
        """Decode frame by frame; the paper used the temporal decoder of the released Latte."""
        shape = self._config.in_channels, *self._latent_size
        if decoder == "model" or self._networks.folder is not None:
            self._vae.decode(self._networks.empty(self._frames, *shape))
            return
        for start in range(0, self._frames, DECODED_TOGETHER):
            frames = min(DECODED_TOGETHER, self._frames - start)
            latents = self._networks.empty(frames, *shape)
            self._temporal_vae.decode(latents, num_frames=frames)

    @cached_property
    def _vae(self) -> Any:
        return self._networks.build(AutoencoderKL, "vae")

    @cached_property
    def _temporal_vae(self) -> Any:
        config = self._networks.config("vae")
        shared = ("down_block_types", "block_out_channels", "layers_per_block", "latent_channels")
        arguments = {key: config[key] for key in shared}
        return self._networks.on_meta(lambda: AutoencoderKLTemporalDecoder(**arguments))
