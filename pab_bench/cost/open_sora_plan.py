"""Open-Sora-Plan without weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import PNDMScheduler

from pab_bench.broadcast.open_sora_plan_architecture import OpenSoraPlanArchitecture
from pab_bench.config.settings import ModelSettings
from pab_bench.cost.conventions import Decoder
from pab_bench.cost.networks import T5_XXL, Networks
from pab_bench.models.open_sora_plan.text import prepare_prompt
from pab_bench.models.open_sora_plan.transformer import LatteT2V
from pab_bench.models.open_sora_plan.vae import CausalVAEModel
from pab_bench.samplers.open_sora_plan import EMBEDDED

RELEASED: Mapping[str, Mapping[str, Any]] = {"text_encoder": T5_XXL}
"""Constructor arguments of the released networks; the defaults of the other classes are theirs."""

RELEASED_REPOSITORY = "LanguageBind/Open-Sora-Plan-v1.1.0"


class OpenSoraPlanBlueprint:
    """Open-Sora-Plan's transformer, text encoder and decoder.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks.

    Raises:
        ConfigError: if the shapes are not known.
    """

    system = "open_sora_plan"
    encoded_prompts = 2

    def __init__(self, model: ModelSettings, dtype: torch.dtype) -> None:
        self.model = model
        self._networks = Networks(model, EMBEDDED, RELEASED_REPOSITORY, RELEASED, dtype)
        transformer = self._networks.build(LatteT2V, "transformer")
        self._config = transformer.config
        self.padded_text_tokens: int = self._config.model_max_length
        self.architecture = OpenSoraPlanArchitecture(transformer)

    def guided(self, guidance: float) -> bool:
        """Up to a scale of 1 there is no guidance."""
        return guidance > 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """PNDM's timesteps, nine calls more than steps."""
        scheduler = PNDMScheduler.from_config(self._networks.config("scheduler"))
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prepared prompt; None if the checkpoint is not here."""
        prepared = [prepare_prompt(prompt, self.model.clean_caption) for prompt in prompts]
        return self._networks.text_tokens(prepared, self.padded_text_tokens)

    def inputs(self, batch: int, text_tokens: int) -> dict[str, Any]:
        """What the transformer is called with; the text is cut to the prompt's tokens."""
        empty, config = self._networks.empty, self._config
        return {
            "hidden_states": empty(batch, config.in_channels, *self._latent_size),
            "timestep": torch.zeros(batch, dtype=torch.int64, device="meta"),
            "encoder_hidden_states": empty(batch, text_tokens, config.caption_channels),
            "return_dict": False,
        }

    def encode(self) -> None:
        """Encode one prompt, padded."""
        self._networks.encode(self.padded_text_tokens)

    def decode(self, decoder: Decoder) -> None:
        """Decode in the released tiles, as the paper's numbers have it too."""
        self._vae.decode(self._networks.empty(1, self._config.in_channels, *self._latent_size))

    @property
    def _latent_size(self) -> tuple[int, int, int]:
        time, space = self._vae.temporal_compression_ratio, self._vae.spatial_compression_ratio
        frames = (self.model.frames - 1) // time + 1
        return frames, self.model.height // space, self.model.width // space

    @cached_property
    def _vae(self) -> Any:
        vae = self._networks.build(CausalVAEModel, "vae")
        vae.enable_tiling()
        return vae
