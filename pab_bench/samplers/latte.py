"""Latte: the diffusers `LattePipeline`, for the released Latte-1 and for the embedded mini."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import LattePipeline

from pab_bench.broadcast.latte_architecture import LatteArchitecture
from pab_bench.config.settings import ModelSettings
from pab_bench.samplers.base import OnStep, TextEmbeddings
from pab_bench.samplers.loading import (
    DTYPES,
    check_offload,
    fetch,
    place,
    quiet_loading,
    random_copy,
)
from pab_bench.samplers.weights import Requirements, Weights, find_parts

REQUIRED: Requirements = {
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
EMBEDDED = Path(__file__).parent.parent / "minis" / "latte"


class LatteSampler:
    """Loads and drives a `LattePipeline`.

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
        self.weights = locate(model)
        quiet_loading()
        self.pipeline: Any = LattePipeline.from_pretrained(
            self.weights.folders["pipeline"], dtype=DTYPES[dtype], local_files_only=True
        )
        if model.random_weights:
            self.pipeline.transformer = random_copy(self.pipeline.transformer, DTYPES[dtype])
        place(self.pipeline, model, device)
        self.architecture = LatteArchitecture(self.pipeline.transformer)

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters."""
        return sum(p.numel() for p in self.pipeline.transformer.parameters())

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The scheduler's timesteps, one per call: DDIM calls the transformer once a step."""
        scheduler = type(self.pipeline.scheduler).from_config(self.pipeline.scheduler.config)
        scheduler.set_timesteps(steps)
        return tuple(int(t) for t in scheduler.timesteps)

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

    def noise(self, seed: int) -> torch.Tensor:
        """Standard normal latents (1, channels, frames, height, width), drawn on the CPU."""
        scale = self.pipeline.vae_scale_factor
        shape = (
            1,
            self.pipeline.transformer.config.in_channels,
            self.model.frames,
            self.model.height // scale,
            self.model.width // scale,
        )
        generator = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(shape, generator=generator, dtype=self.pipeline.transformer.dtype)

    def denoise(
        self,
        text: TextEmbeddings,
        noise: torch.Tensor,
        steps: int,
        guidance: float,
        on_step: OnStep,
    ) -> torch.Tensor:
        """Run the pipeline from `noise` to latents of the same shape."""

        def step_ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, timestep, values
            on_step(step)
            return {}

        latents: torch.Tensor = self.pipeline(
            prompt_embeds=text.conditional,
            negative_prompt_embeds=text.unconditional,
            negative_prompt=None,
            num_inference_steps=steps,
            guidance_scale=guidance,
            video_length=self.model.frames,
            height=self.model.height,
            width=self.model.width,
            latents=noise,
            output_type="latent",
            callback_on_step_end=step_ended,
        ).frames
        return latents

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode as the pipeline does, to uint8 frames."""
        fetch(self.pipeline.vae)
        video = self.pipeline.decode_latents(latents, self.model.frames, decode_chunk_size=14)
        frames = self.pipeline.video_processor.postprocess_video(video, output_type="np")[0]
        self.pipeline.maybe_free_model_hooks()
        return (frames * 255).round().astype(np.uint8)


def locate(model: ModelSettings) -> Weights:
    """The folder with the checkpoint's files, downloaded if need be."""
    embedded = str(EMBEDDED) if model.repository is None and model.path is None else model.path
    return find_parts(model, {"pipeline": REQUIRED}, embedded)
