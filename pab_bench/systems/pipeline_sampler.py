"""What the samplers share that drive a diffusers pipeline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.systems.base import OnStep, TextEmbeddings
from pab_bench.systems.loading import DTYPES, check_offload, fetch, place, quiet_loading
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import Requirements, Weights

FOLDER: Requirements = {
    "model_index.json": ["model_index.json"],
    "scheduler/scheduler_config.json": ["scheduler/scheduler_config.json"],
    "tokenizer/tokenizer_config.json": ["tokenizer/tokenizer_config.json"],
    "tokenizer/spiece.model or tokenizer.json": [
        "tokenizer/spiece.model",
        "tokenizer/tokenizer.json",
    ],
    "text_encoder/config.json": ["text_encoder/config.json"],
    "text_encoder/*.safetensors": ["text_encoder/*.safetensors"],
    "transformer/config.json": ["transformer/config.json"],
    "transformer/*.safetensors": ["transformer/*.safetensors"],
    "vae/config.json": ["vae/config.json"],
    "vae/*.safetensors": ["vae/*.safetensors"],
}
"""A folder that a pipeline's `save_pretrained` has written."""


class PipelineSampler(ABC):
    """Loads a diffusers pipeline and drives it in stages; see `Sampler`.

    A system's own sampler says where its checkpoint lies, how it is loaded, and how its pipeline
    is called.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        check_offload(model, device)
        self.model = model
        self.weights = self.locate(model)
        quiet_loading()
        self.pipeline: Any = self._load(DTYPES[dtype])
        if model.random_weights:
            self.pipeline.transformer = _random_copy(self.pipeline.transformer, DTYPES[dtype])
        place(self.pipeline, model, device)
        self.architecture = self._architecture(self.pipeline.transformer)

    @staticmethod
    @abstractmethod
    def locate(model: ModelSettings) -> Weights:
        """The folders with the checkpoint's files, downloaded if need be."""

    @abstractmethod
    def _load(self, dtype: torch.dtype) -> Any:
        """The pipeline, from `self.weights`."""

    @abstractmethod
    def _architecture(self, transformer: Any) -> Architecture:
        """The transformer, as the engine sees it."""

    @abstractmethod
    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode one prompt."""

    @abstractmethod
    def _latent_shape(self) -> tuple[int, ...]:
        """The shape of one video's latents."""

    @abstractmethod
    def _inputs(self, text: TextEmbeddings) -> dict[str, Any]:
        """What the pipeline is called with beside what is common to all: text and size."""

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters."""
        return sum(p.numel() for p in self.pipeline.transformer.parameters())

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The scheduler's timesteps, one per call of the transformer, truncated to integers."""
        scheduler = type(self.pipeline.scheduler).from_config(self.pipeline.scheduler.config)
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

    def noise(self, seed: int) -> torch.Tensor:
        """Standard normal latents, drawn on the CPU."""
        generator = torch.Generator("cpu").manual_seed(seed)
        dtype = self.pipeline.transformer.dtype
        return torch.randn(self._latent_shape(), generator=generator, dtype=dtype)

    def denoise(
        self,
        text: TextEmbeddings,
        noise: torch.Tensor,
        steps: int,
        guidance: float,
        on_step: OnStep,
    ) -> torch.Tensor:
        """Run the pipeline from `noise` to latents of the same shape.

        `on_step` is called after every call of the transformer.
        """

        def step_ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, timestep, values
            on_step(step)
            return {}

        latents: torch.Tensor = self.pipeline(
            **self._inputs(text),
            height=self.model.height,
            width=self.model.width,
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=noise,
            output_type="latent",
            callback_on_step_end=step_ended,
        ).frames
        return latents

    def _video(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents to (1, channels, frames, height, width) in [-1, 1].

        Either this or `_frames` is a system's own.
        """
        raise NotImplementedError

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode as the pipeline does, to uint8 frames (frames, height, width, 3)."""
        fetch(self.pipeline.vae)
        frames = self._frames(latents)
        self.pipeline.maybe_free_model_hooks()
        return frames

    def _frames(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode latents to uint8 (frames, height, width, 3)."""
        processor = self.pipeline.video_processor
        frames = processor.postprocess_video(self._video(latents), output_type="np")[0]
        rounded: npt.NDArray[np.uint8] = (frames * 255).round().astype(np.uint8)
        return rounded


def _random_copy(module: Any, dtype: torch.dtype) -> Any:
    """A diffusers model of `module`'s configuration with seeded random weights: the control."""
    torch.manual_seed(0)
    control = type(module).from_config(module.config).eval()
    return torch.nn.Module.to(control, dtype)  # diffusers' own `to` warns about nothing here.
