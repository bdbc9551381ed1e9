"""Open-Sora-Plan v1.1.0: the released checkpoints, and the embedded mini."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.engine.sites import Architecture
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.checkpoint import KIND
from pab_bench.systems.open_sora_plan.text import prepare_prompt
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler, is_pipeline, text_parts
from pab_bench.systems.weights import Requirements, Weights, find_parts, setting_of

EMBEDDED = Path(__file__).parents[2] / "minis" / "open_sora_plan"

TEXT_ENCODER: Requirements = {
    "config.json": ["config.json"],
    "tokenizer_config.json": ["tokenizer_config.json"],
    "spiece.model or tokenizer.json": ["spiece.model", "tokenizer.json"],
    "*.safetensors or pytorch_model*.bin": ["*.safetensors", "pytorch_model*.bin"],
}
"""T5 in a repository of its own."""


class OpenSoraPlanSampler(PipelineSampler):
    """Loads and drives an `OpenSoraPlanPipeline`; latents: (1, channels, frames, height, width).

    PNDM calls the transformer nine times more often than there are steps: the first timesteps are
    repeated.

    Args:
        model: which checkpoint, at what size. Of the released ones frames and size choose the
            transformer: 65 or 221 frames of 512 x 512.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU.
        CheckpointRefused: if a file of the checkpoint is not what it says.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    kind = KIND

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        super().__init__(model, device, dtype)
        # As upstream samples; a video that fits into a tile is decoded as a whole.
        self.pipeline.vae.enable_tiling()

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folders with the checkpoint's files, downloaded if need be.

        A `model.path` with a `model_index.json` is a whole pipeline; otherwise it holds transformer
        and autoencoder as released, and `model.text_encoder` says where T5 is.
        """
        path = model.path
        if path is None and model.repository is None:
            path = str(EMBEDDED)
            return find_parts(model, {"pipeline": FOLDER}, path)
        if path is not None and is_pipeline(model, path):
            return find_parts(model, {"pipeline": FOLDER}, path)
        folders = released_transformer(model), "vae"
        released: Requirements = {
            f"{folder}/{name}": [f"{folder}/{pattern}" for pattern in patterns]
            for folder in folders
            for name, patterns in (
                ("config.json", ["config.json"]),
                ("*.safetensors or *.bin", ["*.safetensors", "diffusion_pytorch_model*.bin"]),
            )
        }
        return find_parts(model, {"released": released, "text_encoder": TEXT_ENCODER}, path)

    @classmethod
    def parts(cls, model: ModelSettings, weights: Weights) -> Mapping[str, Part]:
        """Where the parts lie: as of every pipeline, or as LanguageBind released them."""
        folders = weights.folders
        if "pipeline" in folders:
            return super().parts(model, weights)
        own, released = setting_of(model), folders["released"]
        return {
            "transformer": Part(own, "transformer", released / released_transformer(model)),
            "vae": Part(own, "vae", released / "vae"),
            **text_parts(model, folders["text_encoder"]),
        }

    @classmethod
    def prepared(cls, model: ModelSettings, prompt: str) -> str:
        """The prompt in lower case, cleaned where the model's settings say so."""
        return prepare_prompt(prompt, model.clean_caption)

    def _architecture(self, transformer: Any) -> Architecture:
        return OpenSoraPlanArchitecture(transformer)

    @torch.no_grad()
    def encode(self, prompt: str) -> TextEmbeddings:
        """Encode a prompt and the negative prompt, both cut to the prompt's number of tokens."""
        conditional, unconditional = self.pipeline.encode_prompt(
            prompt,
            negative_prompt=self.model.negative_prompt,
            clean_caption=self.model.clean_caption,
        )
        return TextEmbeddings(conditional, unconditional)

    def _latent_shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.pipeline.latent_shape(
            1, self.model.frames, self.model.height, self.model.width
        )
        return shape

    def _inputs(self, text: TextEmbeddings) -> dict[str, Any]:
        return {
            "prompt_embeds": text.conditional,
            "negative_prompt_embeds": text.unconditional,
            "num_frames": self.model.frames,
        }

    def _frames(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Upstream has a way of its own from the autoencoder's output to bytes."""
        frames: npt.NDArray[np.uint8] = self.pipeline.decode_latents(latents, "uint8")[0]
        return frames


def released_transformer(model: ModelSettings) -> str:
    """Folder of the transformer in the released repository, such as `65x512x512`."""
    return f"{model.frames}x{model.height}x{model.width}"
