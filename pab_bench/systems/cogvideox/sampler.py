"""CogVideoX: the diffusers `CogVideoXPipeline`, whose transformer attends to everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.cogvideox.architecture import CogVideoXArchitecture
from pab_bench.systems.cogvideox.checkpoint import KIND
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler
from pab_bench.systems.weights import Weights, find_parts

FRAME_UNIT = 8
"""Videos have 1 frame more than a multiple: the autoencoder decodes latent frames in pairs of four
frames each, and gives other numbers of frames than asked for where a pair is incomplete."""
PIXEL_UNIT = 16
"""Latents have an eighth of the pixels, and a token is 2 x 2 of them."""


class CogVideoXSampler(PipelineSampler):
    """Loads and drives a `CogVideoXPipeline`; latents are (1, frames, channels, height, width).

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: for sizes that CogVideoX does not sample, or offloading without a GPU.
        CheckpointRefused: if a file of the checkpoint is not what it says, or its scheduler adds
            noise while sampling.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    kind = KIND

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        _check(model)
        super().__init__(model, device, dtype)

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folder with the checkpoint's files, downloaded if need be."""
        return find_parts(model, {"pipeline": FOLDER}, model.path)

    @classmethod
    def longest_prompt(cls, transformer: Mapping[str, Any]) -> int:
        """The transformer knows how many tokens of text stand before those of the video."""
        return int(transformer.get("max_text_seq_length", 226))

    def _architecture(self, transformer: Any) -> Architecture:
        return CogVideoXArchitecture(transformer)

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The scheduler's timesteps, one per call: DDIM calls the transformer once a step.

        Raises:
            ConfigError: for numbers of steps such as 61, to which diffusers' scheduler appends a
                timestep of -1.
        """
        timesteps = super().timesteps(steps)
        if timesteps[-1] < 0:
            raise ConfigError(f"steps={steps}: the scheduler ends with timestep {timesteps[-1]}")
        return timesteps

    @torch.no_grad()
    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode a prompt and the negative prompt, both padded; padding is attended to."""
        conditional, unconditional = self.pipeline.encode_prompt(
            prompt,
            negative_prompt=self.model.negative_prompt,
            do_classifier_free_guidance=True,
            max_sequence_length=self.pipeline.transformer.config.max_text_seq_length,
        )
        return TextEmbeddings(conditional, unconditional)

    def _latent_shape(self) -> tuple[int, ...]:
        scale = self.pipeline.vae_scale_factor_spatial
        channels = self.pipeline.transformer.config.in_channels
        size = self.model.height // scale, self.model.width // scale
        return (1, self._latent_frames + self._padding, channels, *size)

    def _inputs(self, text: TextEmbeddings) -> dict[str, Any]:
        return {
            "prompt_embeds": text.conditional,
            "negative_prompt_embeds": text.unconditional,
            "num_frames": self.model.frames,
        }

    def _video(self, latents: torch.Tensor) -> torch.Tensor:
        video: torch.Tensor = self.pipeline.decode_latents(latents[:, self._padding :])
        return video

    @property
    def _latent_frames(self) -> int:
        return (self.model.frames - 1) // int(self.pipeline.vae_scale_factor_temporal) + 1

    @property
    def _padding(self) -> int:
        """Latent frames that CogVideoX 1.5, whose tokens span several, samples and throws away."""
        return -self._latent_frames % (self.pipeline.transformer.config.patch_size_t or 1)


def _check(model: ModelSettings) -> None:
    if model.frames % FRAME_UNIT != 1:
        raise ConfigError(
            f"model.frames={model.frames}: must be 1 more than a multiple of {FRAME_UNIT}"
        )
    for key in ("height", "width"):
        value = getattr(model, key)
        if value < PIXEL_UNIT or value % PIXEL_UNIT:
            raise ConfigError(f"model.{key}={value}: must be a positive multiple of {PIXEL_UNIT}")
    if model.clean_caption:
        raise ConfigError("model.clean_caption=true: CogVideoX's pipeline cleans no prompts")
