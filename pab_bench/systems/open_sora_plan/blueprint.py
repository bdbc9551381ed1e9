"""Open-Sora-Plan without weights."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.systems.checkpoint_blueprint import CheckpointBlueprint
from pab_bench.systems.networks import T5_XXL
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.checkpoint import KIND
from pab_bench.systems.open_sora_plan.sampler import EMBEDDED
from pab_bench.systems.open_sora_plan.text import prepare_prompt


class OpenSoraPlanBlueprint(CheckpointBlueprint):
    """Open-Sora-Plan's transformer, text encoder and decoder, which works in tiles."""

    system = "open_sora_plan"
    repository = "LanguageBind/Open-Sora-Plan-v1.1.0"
    released: ClassVar = {"text_encoder": T5_XXL}
    embedded = EMBEDDED
    kind = KIND
    attached = OpenSoraPlanArchitecture

    def _prepared(self, prompt: str) -> str:
        return prepare_prompt(prompt, self.model.clean_caption)

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with; the text is cut to the prompt's tokens."""
        empty, config = self._networks.empty, self._config
        return {
            "hidden_states": empty(batch, config.in_channels, *self._latent_size),
            "timestep": torch.zeros(batch, dtype=torch.int64, device="meta"),
            "encoder_hidden_states": empty(batch, text_tokens, config.caption_channels),
            "return_dict": False,
        }

    @property
    def _latent_size(self) -> tuple[int, ...]:
        time, space = self._vae.temporal_compression_ratio, self._vae.spatial_compression_ratio
        frames = (self.model.frames - 1) // time + 1
        return frames, self.model.height // space, self.model.width // space

    @cached_property
    def _vae(self) -> Any:
        vae = super()._vae
        vae.enable_tiling()
        return vae
