"""Open-Sora 1.2: the released checkpoints, and the embedded mini."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.checkpoints.checkpoint import Checkpoint
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.checkpoint import KIND
from pab_bench.systems.open_sora.prompts import prepare_prompt
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler, is_pipeline, text_parts
from pab_bench.systems.weights import Requirements, Weights, find_parts, setting_of

EMBEDDED = Path(__file__).parents[2] / "minis" / "open_sora"

RELEASED: dict[str, Requirements] = {
    "transformer": {"config.json": ["config.json"], "*.safetensors": ["*.safetensors"]},
    "vae": {"*.safetensors": ["*.safetensors"]},
    "text_encoder": {
        "config.json": ["config.json"],
        "tokenizer_config.json": ["tokenizer_config.json"],
        "spiece.model or tokenizer.json": ["spiece.model", "tokenizer.json"],
        "*.safetensors or pytorch_model*.bin": ["*.safetensors", "pytorch_model*.bin"],
    },
}
"""The three repositories of the released model."""


class OpenSoraSampler(PipelineSampler):
    """Loads and drives an `OpenSoraPipeline`; latents are (1, channels, frames, height, width).

    They are sampled in float32.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU, or `model.transform_scale` is not
            the scheduler's.
        CheckpointRefused: if a file of the checkpoint is not what it says.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    kind = KIND

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folders with the checkpoint's files, downloaded if need be.

        A `model.path` with a `model_index.json` is a whole pipeline; otherwise it holds the
        transformer as released, and `model.vae` and `model.text_encoder` say where the rest is.
        """
        path = model.path
        if path is None and model.repository is None:
            path = str(EMBEDDED)
        if path is not None and is_pipeline(model, path):
            return find_parts(model, {"pipeline": FOLDER}, path)
        return find_parts(model, RELEASED, path)

    @classmethod
    def check(cls, model: ModelSettings) -> tuple[Weights, Checkpoint]:
        """As every sampler does; and `model.transform_scale` must be the scheduler's."""
        weights, checkpoint = super().check(model)
        scale = checkpoint.scheduler.config.transform_scale
        if scale != model.transform_scale:
            raise ConfigError(
                f"model.transform_scale={model.transform_scale}: the checkpoint's scheduler "
                f"has {scale}; set it so"
            )
        return weights, checkpoint

    @classmethod
    def parts(cls, model: ModelSettings, weights: Weights) -> Mapping[str, Part]:
        """Where the parts lie: as of every pipeline, or as hpcai-tech released them."""
        folders = weights.folders
        if "pipeline" in folders:
            return super().parts(model, weights)
        own, vae = setting_of(model), setting_of(model, "vae")
        return {
            "transformer": Part(own, "transformer", folders["transformer"], "any"),
            "vae": Part(vae, "vae", folders["vae"], "any", configured=False),
            **text_parts(model, folders["text_encoder"]),
        }

    @classmethod
    def prepared(cls, model: ModelSettings, prompt: str) -> str:
        """The prompt with the scores that it is to aim at, cleaned as the settings say."""
        return prepare_prompt(prompt, clean=model.clean_caption)

    def _architecture(self, transformer: Any) -> Architecture:
        return STDiT3Architecture(transformer)

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The timesteps in the transformer's dtype, truncated to integers."""
        self.pipeline.set_timesteps(steps, self.model.frames, self.model.height, self.model.width)
        dtype = self.pipeline.transformer.dtype
        return tuple(int(t) for t in self.pipeline.scheduler.timesteps.to(dtype))

    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode a prompt; the unconditional half sees the transformer's own null embedding."""
        features, mask = self.pipeline.encode_prompt(prompt, clean_caption=self.model.clean_caption)
        return TextEmbeddings(features, None, mask)

    def _latent_shape(self) -> tuple[int, ...]:
        size = self.pipeline.vae.latent_size(self.model.frames, self.model.height, self.model.width)
        return (1, self.pipeline.transformer.config.in_channels, *size)

    def _inputs(self, text: TextEmbeddings) -> dict[str, Any]:
        return {
            "prompt_embeds": text.conditional,
            "prompt_attention_mask": text.mask,
            "num_frames": self.model.frames,
        }

    def _video(self, latents: torch.Tensor) -> torch.Tensor:
        video: torch.Tensor = self.pipeline.decode_latents(latents, self.model.frames)
        return video
