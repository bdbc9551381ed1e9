"""Open-Sora 1.2: the released checkpoints, and the embedded mini."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, T5EncoderModel

from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.open_sora.vae import OpenSoraVAE
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler
from pab_bench.systems.weights import Requirements, Weights, find_parts

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
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


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
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folders with the checkpoint's files, downloaded if need be.

        A `model.path` with a `model_index.json` is a whole pipeline; otherwise it holds the
        transformer as released, and `model.vae` and `model.text_encoder` say where the rest is.
        """
        path = model.path
        if path is None and model.repository is None:
            path = str(EMBEDDED)
        if path is not None and (Path(path).expanduser() / "model_index.json").exists():
            return find_parts(model, {"pipeline": FOLDER}, path)
        return find_parts(model, RELEASED, path)

    def _load(self, dtype: torch.dtype) -> Any:
        pipeline = _load(self.weights, dtype)
        scale = pipeline.scheduler.config.transform_scale
        if scale != self.model.transform_scale:
            raise ConfigError(
                f"model.transform_scale={self.model.transform_scale}: the checkpoint's scheduler "
                f"has {scale}; set it so"
            )
        return pipeline

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
