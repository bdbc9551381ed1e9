"""Open-Sora-Plan v1.1.0: the released checkpoints, and the embedded mini."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import PNDMScheduler
from transformers import T5EncoderModel, T5Tokenizer

from pab_bench.engine.sites import Architecture
from pab_bench.errors import PabBenchError
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.transformer import LatteT2V
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel
from pab_bench.systems.pipeline_sampler import FOLDER, PipelineSampler
from pab_bench.systems.weights import Requirements, Weights, find_parts

EMBEDDED = Path(__file__).parents[2] / "minis" / "open_sora_plan"

TEXT_ENCODER: Requirements = {
    "config.json": ["config.json"],
    "tokenizer_config.json": ["tokenizer_config.json"],
    "spiece.model or tokenizer.json": ["spiece.model", "tokenizer.json"],
    "*.safetensors or pytorch_model*.bin": ["*.safetensors", "pytorch_model*.bin"],
}
"""T5 in a repository of its own."""

Model = TypeVar("Model", LatteT2V, CausalVAEModel)


class WeightsDiffer(PabBenchError):
    """A checkpoint has other tensors than the model."""


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
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
        WeightsDiffer: if a checkpoint is not of this architecture.
    """

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
        if path is not None and (Path(path).expanduser() / "model_index.json").exists():
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

    def _load(self, dtype: torch.dtype) -> Any:
        pipeline = _load(self.weights, self.model, dtype)
        # As upstream samples; a video that fits into a tile is decoded as a whole.
        pipeline.vae.enable_tiling()
        return pipeline

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


def _load(weights: Weights, model: ModelSettings, dtype: torch.dtype) -> OpenSoraPlanPipeline:
    if "pipeline" in weights.folders:
        folder = weights.folders["pipeline"]
        pipeline: OpenSoraPlanPipeline = OpenSoraPlanPipeline.from_pretrained(
            folder,
            vae=load_strictly(CausalVAEModel, folder / "vae", dtype),
            transformer=load_strictly(LatteT2V, folder / "transformer", dtype),
            dtype=dtype,
            local_files_only=True,
        )
        return pipeline
    released, text = weights.folders["released"], weights.folders["text_encoder"]
    return OpenSoraPlanPipeline(
        tokenizer=T5Tokenizer.from_pretrained(text, local_files_only=True),
        text_encoder=T5EncoderModel.from_pretrained(text, dtype=dtype, local_files_only=True),
        vae=load_strictly(CausalVAEModel, released / "vae", dtype),
        transformer=load_strictly(LatteT2V, released / released_transformer(model), dtype),
        scheduler=PNDMScheduler(),
    )


def load_strictly(kind: type[Model], folder: Path, dtype: torch.dtype) -> Model:
    """A model from a folder whose tensors are exactly the model's.

    Raises:
        WeightsDiffer: naming tensors that are missing, too many, or of another shape.
    """
    refused = f"{folder} is no checkpoint of {kind.__name__}:"
    try:
        model, report = kind.from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    except ValueError as error:  # Another configuration, or a tensor of another shape.
        raise WeightsDiffer(f"{refused} {error}") from error
    wrong = {
        what: [str(name) for name in report[f"{what}_keys"]]
        for what in ("missing", "unexpected", "mismatched")
        if report[f"{what}_keys"]
    }
    if wrong or report["error_msgs"]:
        named = "; ".join(
            f"{len(names)} {what}, the first {names[0]}" for what, names in wrong.items()
        )
        raise WeightsDiffer(f"{refused} {named} {report['error_msgs'] or ''}")
    loaded: Model = model.eval()
    return loaded
