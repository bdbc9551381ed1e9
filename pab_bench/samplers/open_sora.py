"""Open-Sora 1.2: the released checkpoints, and the embedded mini."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, T5EncoderModel

from pab_bench.broadcast.stdit3_architecture import STDiT3Architecture
from pab_bench.config.settings import ModelSettings
from pab_bench.errors import ConfigError
from pab_bench.models.open_sora.pipeline import OpenSoraPipeline
from pab_bench.models.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.models.open_sora.transformer import STDiT3Transformer
from pab_bench.models.open_sora.vae import OpenSoraVAE
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

EMBEDDED = Path(__file__).parent.parent / "minis" / "open_sora"

PIPELINE: Requirements = {
    "model_index.json": ["model_index.json"],
    "scheduler/scheduler_config.json": ["scheduler/scheduler_config.json"],
    "tokenizer/tokenizer.json": ["tokenizer/tokenizer.json"],
    "text_encoder/config.json": ["text_encoder/config.json"],
    "text_encoder/*.safetensors": ["text_encoder/*.safetensors"],
    "transformer/config.json": ["transformer/config.json"],
    "transformer/*.safetensors": ["transformer/*.safetensors"],
    "vae/config.json": ["vae/config.json"],
    "vae/*.safetensors": ["vae/*.safetensors"],
}
"""A folder that `OpenSoraPipeline.save_pretrained` has written."""
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
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class OpenSoraSampler:
    """Loads and drives an `OpenSoraPipeline`.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU, or `model.transform_scale` is not
            the scheduler's.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        check_offload(model, device)
        self.model = model
        self.weights = locate(model)
        quiet_loading()
        self.pipeline: Any = _load(self.weights, DTYPES[dtype])
        scale = self.pipeline.scheduler.config.transform_scale
        if scale != model.transform_scale:
            raise ConfigError(
                f"model.transform_scale={model.transform_scale}: the checkpoint's scheduler has "
                f"{scale}; set it so"
            )
        if model.random_weights:
            self.pipeline.transformer = random_copy(self.pipeline.transformer, DTYPES[dtype])
        place(self.pipeline, model, device)
        self.architecture = STDiT3Architecture(self.pipeline.transformer)

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters."""
        return sum(p.numel() for p in self.pipeline.transformer.parameters())

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The timesteps in the transformer's dtype, truncated to integers."""
        self.pipeline.set_timesteps(steps, self.model.frames, self.model.height, self.model.width)
        dtype = self.pipeline.transformer.dtype
        return tuple(int(t) for t in self.pipeline.scheduler.timesteps.to(dtype))

    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode a prompt; the unconditional half sees the transformer's own null embedding."""
        features, mask = self.pipeline.encode_prompt(prompt, clean_caption=self.model.clean_caption)
        return TextEmbeddings(features, None, mask)

    def noise(self, seed: int) -> torch.Tensor:
        """Standard normal latents (1, channels, frames, height, width), drawn on the CPU."""
        size = self.pipeline.vae.latent_size(self.model.frames, self.model.height, self.model.width)
        shape = (1, self.pipeline.transformer.config.in_channels, *size)
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
        """Run the pipeline from `noise` to latents of the same shape, in float32."""

        def step_ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, timestep, values
            on_step(step)
            return {}

        latents: torch.Tensor = self.pipeline(
            prompt_embeds=text.conditional,
            prompt_attention_mask=text.mask,
            num_frames=self.model.frames,
            height=self.model.height,
            width=self.model.width,
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=noise,
            output_type="latent",
            callback_on_step_end=step_ended,
        ).frames
        return latents

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode as the pipeline does, to uint8 frames."""
        fetch(self.pipeline.vae)
        video = self.pipeline.decode_latents(latents, self.model.frames)
        frames = self.pipeline.video_processor.postprocess_video(video, output_type="np")[0]
        self.pipeline.maybe_free_model_hooks()
        return (frames * 255).round().astype(np.uint8)


def locate(model: ModelSettings) -> Weights:
    """The folders with the checkpoint's files, downloaded if need be.

    A `model.path` with a `model_index.json` is a whole pipeline; otherwise it holds the
    transformer as released, and `model.vae` and `model.text_encoder` say where the rest is.
    """
    path = model.path
    if path is None and model.repository is None:
        path = str(EMBEDDED)
    if path is not None and (Path(path).expanduser() / "model_index.json").exists():
        return find_parts(model, {"pipeline": PIPELINE}, path)
    return find_parts(model, RELEASED, path)


def _load(weights: Weights, dtype: torch.dtype) -> OpenSoraPipeline:
    if "pipeline" in weights.folders:
        pipeline: OpenSoraPipeline = OpenSoraPipeline.from_pretrained(
            weights.folders["pipeline"], dtype=dtype, local_files_only=True
        )
        return pipeline
    text = weights.folders["text_encoder"]
    return OpenSoraPipeline(
        tokenizer=AutoTokenizer.from_pretrained(text, local_files_only=True),
        text_encoder=T5EncoderModel.from_pretrained(text, dtype=dtype, local_files_only=True),
        vae=released_vae(weights.folders["vae"], dtype),
        transformer=released_transformer(weights.folders["transformer"], dtype),
        scheduler=RectifiedFlowScheduler(),
    )


def released_transformer(folder: Path, dtype: torch.dtype) -> STDiT3Transformer:
    """The transformer of a folder as hpcai-tech released it, all keys accounted for."""
    config = json.loads((folder / "config.json").read_text())
    names = inspect.signature(STDiT3Transformer).parameters
    arguments = {name: value for name, value in config.items() if name in names}
    with torch.device("meta"):
        model = STDiT3Transformer(**arguments)
    model.load_state_dict(_tensors(folder), strict=True, assign=True)
    return model.to(dtype).eval()


def released_vae(folder: Path, dtype: torch.dtype) -> OpenSoraVAE:
    """The autoencoder of a folder as hpcai-tech released it, all keys accounted for."""
    with torch.device("meta"):
        model = OpenSoraVAE()
    tensors = {_today(name): value for name, value in _tensors(folder).items()}
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.to(dtype).eval()


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
    return tensors


def _today(name: str) -> str:
    """The name that diffusers gives to what files from before 2023 call by another name."""
    parts = name.split(".")
    if "attentions" in parts:
        parts = [_OLD_ATTENTION.get(part, part) for part in parts]
    return ".".join(parts)
