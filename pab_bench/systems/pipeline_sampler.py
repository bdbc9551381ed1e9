"""What the samplers share that drive a diffusers pipeline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.systems.base import OnStep, TextEmbeddings
from pab_bench.systems.checkpoints.checkpoint import (
    INDEX,
    PARTS,
    Checkpoint,
    Kind,
    check_checkpoint,
    check_index,
)
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.tokenizer import load_tokenizer
from pab_bench.systems.loading import DTYPES, check_offload, fetch, place, quiet_loading
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.prompt_tokens import PromptTokens, prompt_tokens
from pab_bench.systems.weights import Requirements, Weights, setting_of

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

    A system's own sampler says what its checkpoint is, where it lies, and how its pipeline is
    called.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU.
        CheckpointRefused: if a file of the checkpoint is not what it says.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    kind: ClassVar[Kind]
    """What its checkpoints are."""

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        check_offload(model, device)
        self.model = model
        quiet_loading()
        self.weights, checkpoint = self.check(model)
        self.pipeline: Any = checkpoint.load(DTYPES[dtype])
        if model.random_weights:
            self.pipeline.transformer = _random_copy(self.pipeline.transformer, DTYPES[dtype])
        place(self.pipeline, model, device)
        self.architecture = self._architecture(self.pipeline.transformer)

    @staticmethod
    @abstractmethod
    def locate(model: ModelSettings) -> Weights:
        """The folders with the checkpoint's files, downloaded if need be."""

    @classmethod
    def check(cls, model: ModelSettings) -> tuple[Weights, Checkpoint]:
        """Check all files of a model's checkpoint, without reading its numbers.

        Raises:
            CheckpointRefused: naming the setting, the part, its file, and what is wrong.
            WeightsMissing: if files are not here and cannot be downloaded.
        """
        weights = cls.locate(model)
        if "pipeline" in weights.folders:
            check_index(setting_of(model), weights.folders["pipeline"], cls.kind)
        return weights, check_checkpoint(cls.kind, cls.parts(model, weights))

    @classmethod
    def parts(cls, model: ModelSettings, weights: Weights) -> Mapping[str, Part]:
        """Where the parts of a checkpoint lie: in folders of their names."""
        folder, setting = weights.folders["pipeline"], setting_of(model)
        return {
            name: Part(
                setting,
                name,
                folder / name,
                "transformers" if name == "text_encoder" else "diffusers",
            )
            for name in PARTS
        }

    @abstractmethod
    def _architecture(self, transformer: Any) -> Architecture:
        """The transformer, as the engine sees it."""

    @abstractmethod
    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode one prompt."""

    @classmethod
    def prepared(cls, model: ModelSettings, prompt: str) -> str:
        """A prompt as the pipeline hands it to the tokenizer."""
        del model
        return prompt

    @classmethod
    def longest_prompt(cls, transformer: Mapping[str, Any]) -> int:
        """Number of tokens that prompts are padded or cut to.

        Args:
            transformer: the transformer's configuration.
        """
        return int(transformer.get("model_max_length", 300))

    @classmethod
    def read_prompts(cls, model: ModelSettings, prompts: Sequence[str]) -> list[PromptTokens]:
        """Tokenize prompts as a sampler of that model will, without loading its weights.

        Raises:
            CheckpointRefused: if the tokenizer is not what it says.
            WeightsMissing: if files are not here and cannot be downloaded.
        """
        parts = cls.parts(model, cls.locate(model))
        text, transformer = (_config(parts[name]) for name in ("text_encoder", "transformer"))
        tokenizer = load_tokenizer(parts["tokenizer"], int(text.get("vocab_size", 0)))
        longest = cls.longest_prompt(transformer)
        return [prompt_tokens(tokenizer, cls.prepared(model, p), longest) for p in prompts]

    def tokens(self, prompt: str) -> PromptTokens:
        """What the loaded tokenizer makes of a prompt."""
        longest = self.longest_prompt(self.pipeline.transformer.config)
        return prompt_tokens(self.pipeline.tokenizer, self.prepared(self.model, prompt), longest)

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


def is_pipeline(model: ModelSettings, path: str) -> bool:
    """Whether a folder holds a whole pipeline, rather than parts as they were released.

    A pipeline that has lost its `model_index.json` still has folders of its parts; and if nothing
    says where other parts are, there is nothing else that it can be.
    """
    folder = Path(path).expanduser()
    own = ("text_encoder", "tokenizer", "scheduler", "transformer")
    if (folder / INDEX).exists() or any((folder / name).is_dir() for name in own):
        return True
    return model.text_encoder.path is None and model.text_encoder.repository is None


def text_parts(model: ModelSettings, folder: Path) -> dict[str, Part]:
    """Text encoder and tokenizer of a T5 in a repository of its own."""
    setting = setting_of(model, "text_encoder")
    return {
        "text_encoder": Part(setting, "text_encoder", folder, "transformers"),
        "tokenizer": Part(setting, "tokenizer", folder),
    }


def _config(part: Part) -> dict[str, Any]:
    try:
        return read_object(part.folder / "config.json")
    except (OSError, ValueError) as error:
        raise part.refused("config.json", error) from error


def _random_copy(module: Any, dtype: torch.dtype) -> Any:
    """A diffusers model of `module`'s configuration with seeded random weights: the control."""
    torch.manual_seed(0)
    control = type(module).from_config(module.config).eval()
    return torch.nn.Module.to(control, dtype)  # diffusers' own `to` warns about nothing here.
