"""Latte without weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
)

from pab_bench.systems.blueprint import Decoder
from pab_bench.systems.checkpoint_blueprint import CheckpointBlueprint
from pab_bench.systems.latte.architecture import LatteArchitecture
from pab_bench.systems.latte.checkpoint import KIND
from pab_bench.systems.latte.sampler import EMBEDDED
from pab_bench.systems.networks import T5_XXL

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

LATENT_SCALE = 8
DECODED_TOGETHER = 14
"""Frames that the temporal decoder takes at once."""


class LatteBlueprint(CheckpointBlueprint):
    """Latte's transformer, text encoder and decoders."""

    system = "latte"
    repository = "maxin-cn/Latte-1"
    released = RELEASED
    embedded = EMBEDDED
    kind = KIND
    attached = LatteArchitecture

    @property
    def padded_text_tokens(self) -> int:
        """The pipeline's own number."""
        return 120

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with; the text is cut to the prompt's tokens."""
        empty, config = self._networks.empty, self._config
        return {
            "hidden_states": empty(batch, config.in_channels, *self._latent_size),
            "timestep": torch.zeros(batch, dtype=torch.int64, device="meta"),
            "encoder_hidden_states": empty(batch, text_tokens, config.caption_channels),
            "return_dict": False,
        }

    def decode(self, decoder: Decoder) -> None:
        """Decode frame by frame; the paper used the temporal decoder of the released Latte."""
        whole, *size = self._latent_size
        shape = self._config.in_channels, *size
        if decoder == "model" or self._networks.folder is not None:
            self._vae.decode(self._networks.empty(whole, *shape))
            return
        for start in range(0, whole, DECODED_TOGETHER):
            frames = min(DECODED_TOGETHER, whole - start)
            latents = self._networks.empty(frames, *shape)
            self._temporal_vae.decode(latents, num_frames=frames)

    @property
    def _latent_size(self) -> tuple[int, ...]:
        model = self.model
        return model.frames, model.height // LATENT_SCALE, model.width // LATENT_SCALE

    @cached_property
    def _temporal_vae(self) -> Any:
        config = self._networks.released("vae")
        shared = ("down_block_types", "block_out_channels", "layers_per_block", "latent_channels")
        arguments = {key: config[key] for key in shared}
        return self._networks.on_meta(lambda: AutoencoderKLTemporalDecoder(**arguments))
