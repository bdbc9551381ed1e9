"""Latte: the diffusers `LattePipeline`, for the released Latte-1 and for the embedded mini."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.latte.architecture import LatteArchitecture
from pab_bench.systems.latte.checkpoint import KIND
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler
from pab_bench.systems.text_cleaning import clean_prompt
from pab_bench.systems.weights import Weights, find_parts

EMBEDDED = Path(__file__).parents[2] / "minis" / "latte"


class LatteSampler(PipelineSampler):
    """Loads and drives a `LattePipeline`; latents are (1, channels, frames, height, width)."""

    kind = KIND

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folder with the checkpoint's files, downloaded if need be."""
        embedded = str(EMBEDDED) if model.repository is None and model.path is None else model.path
        return find_parts(model, {"pipeline": FOLDER}, embedded)

    @classmethod
    def prepared(cls, model: ModelSettings, prompt: str) -> str:
        """The prompt in lower case, cleaned where the model's settings say so."""
        return clean_prompt(prompt) if model.clean_caption else prompt.lower().strip()

    @classmethod
    def longest_prompt(cls, transformer: Mapping[str, Any]) -> int:
        """The pipeline's own number."""
        del transformer
        return 120

    def _architecture(self, transformer: Any) -> Architecture:
        return LatteArchitecture(transformer)

    @torch.no_grad()
    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode a prompt and the negative prompt, both cut to the prompt's number of tokens."""
        conditional, unconditional = self.pipeline.encode_prompt(
            prompt,
            do_classifier_free_guidance=True,
            negative_prompt=self.model.negative_prompt,
            device=self.pipeline._execution_device,
            clean_caption=self.model.clean_caption,
            mask_feature=True,
        )
        return TextEmbeddings(conditional, unconditional)

    def _latent_shape(self) -> tuple[int, ...]:
        scale = self.pipeline.vae_scale_factor
        channels = self.pipeline.transformer.config.in_channels
        size = self.model.height // scale, self.model.width // scale
        return (1, channels, self.model.frames, *size)

    def _inputs(self, text: TextEmbeddings) -> dict[str, Any]:
        return {
            "prompt_embeds": text.conditional,
            "negative_prompt_embeds": text.unconditional,
            "negative_prompt": None,
            "video_length": self.model.frames,
        }

    def _video(self, latents: torch.Tensor) -> torch.Tensor:
        video: torch.Tensor = self.pipeline.decode_latents(
            latents, self.model.frames, decode_chunk_size=14
        )
        return video
