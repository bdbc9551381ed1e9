"""CogVideoX without weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.systems.checkpoint_blueprint import CheckpointBlueprint
from pab_bench.systems.cogvideox.architecture import CogVideoXArchitecture
from pab_bench.systems.cogvideox.checkpoint import KIND
from pab_bench.systems.networks import T5_XXL


class CogVideoXBlueprint(CheckpointBlueprint):
    """CogVideoX's transformer, text encoder and decoder."""

    system = "cogvideox"
    repository = "THUDM/CogVideoX-2b"
    released: ClassVar = {"text_encoder": T5_XXL, "scheduler": {"timestep_spacing": "trailing"}}
    kind = KIND
    attached = CogVideoXArchitecture

    @property
    def padded_text_tokens(self) -> int:
        """The length that prompts are padded to for the text encoder."""
        return int(self._config.max_text_seq_length)

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

    @property
    def _latent_size(self) -> tuple[int, ...]:
        space = 2 ** (len(self._vae.config.block_out_channels) - 1)
        frames = (self.model.frames - 1) // self._vae.config.temporal_compression_ratio + 1
        return frames, self.model.height // space, self.model.width // space
