"""CogVideoX: the diffusers `CogVideoXPipeline`, whose transformer attends to everything at once.

Everything that the harness must know about this system is in this file; see `ADDING_A_MODEL.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXPipeline, CogVideoXTransformer3DModel
from torch import nn

from pab_bench.broadcast.kinds import MLP_SPATIAL, SPATIAL, Group
from pab_bench.broadcast.sites import Block, BlockForward, Visit
from pab_bench.config.settings import ModelSettings
from pab_bench.errors import ConfigError
from pab_bench.samplers.base import OnStep, TextEmbeddings
from pab_bench.samplers.loading import DTYPES, check_offload, fetch, place, quiet_loading
from pab_bench.samplers.weights import Requirements, Weights, find_parts

PIPELINE: Requirements = {
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
FRAME_UNIT = 8
"""Videos have 1 frame more than a multiple: the autoencoder decodes latent frames in pairs of four
frames each, and gives other numbers of frames than asked for where a pair is incomplete."""
PIXEL_UNIT = 16
"""Latents have an eighth of the pixels, and a token is 2 x 2 of them."""


class CogVideoXArchitecture:
    """Blocks of joint attention over text and video tokens, and an MLP over both.

    The attention counts as `spatial`, as in PAB's own code and in diffusers' hook for this model.
    Text and video are two residual streams with gates of their own: a site's tensor holds both,
    text first, (batch, text tokens + video tokens, width), and so does its gate.

    Args:
        transformer: a `CogVideoXTransformer3DModel`.
    """

    groups: tuple[Group, ...] = (SPATIAL, MLP_SPATIAL)

    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.blocks())

    def blocks(self) -> Sequence[Block]:
        """All blocks, which make one branch."""
        children = self.transformer.get_submodule("transformer_blocks").children()
        return [Block(module, index, "spatial") for index, module in enumerate(children)]

    def timestep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """The first entry of the batch's timesteps; all are equal while sampling."""
        value = kwargs["timestep"] if "timestep" in kwargs else args[2]
        return int(value.flatten()[0])

    def block_forward(self, block: Block, visit: Visit) -> BlockForward:
        """A `CogVideoXBlock` with its two sites made visible: same operations, same order."""
        module: Any = block.module
        # Looked up once: attributes of modules are slow, and this runs for every block and step.
        norm1, attn1, norm2, ff = (
            getattr(module, name) for name in ("norm1", "attn1", "norm2", "ff")
        )
        index = block.index

        def forward(
            hidden_states: torch.Tensor,
            encoder_hidden_states: torch.Tensor,
            temb: torch.Tensor,
            image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
            attention_kwargs: dict[str, Any] | None = None,
        ) -> tuple[torch.Tensor, torch.Tensor]:
            video, text = hidden_states, encoder_hidden_states
            words = text.shape[1]
            modulation = _Modulation(norm1, temb)

            def attend() -> torch.Tensor:
                attended, attended_text = attn1(
                    hidden_states=modulation.video(video),
                    encoder_hidden_states=modulation.text(text),
                    image_rotary_emb=image_rotary_emb,
                    **(attention_kwargs or {}),
                )
                return torch.cat([attended_text, attended], dim=1)

            change = visit(SPATIAL, index, attend, modulation.gate(text, video))
            video, text = video + change[:, words:], text + change[:, :words]

            modulation = _Modulation(norm2, temb)

            def feed_forward() -> torch.Tensor:
                both = torch.cat([modulation.text(text), modulation.video(video)], dim=1)
                output: torch.Tensor = ff(both)
                return output

            change = visit(MLP_SPATIAL, index, feed_forward, modulation.gate(text, video))
            return video + change[:, words:], text + change[:, :words]

        return forward


class _Modulation:
    """What a `CogVideoXLayerNormZero` does, in parts: a site that reuses needs the gate only.

    Args:
        norm: the module.
        embedding: (batch, width) of the timestep.
    """

    def __init__(self, norm: Any, embedding: torch.Tensor) -> None:
        self._norm = norm.norm
        parts = norm.linear(norm.silu(embedding)).chunk(6, dim=1)
        self._shift, self._scale, self._gate = parts[:3]
        self._text_shift, self._text_scale, self._text_gate = parts[3:]

    def video(self, x: torch.Tensor) -> torch.Tensor:
        """Video tokens, normalised and modulated."""
        modulated: torch.Tensor = self._norm(x) * (1 + self._scale)[:, None] + self._shift[:, None]
        return modulated

    def text(self, x: torch.Tensor) -> torch.Tensor:
        """Text tokens, normalised and modulated."""
        modulated: torch.Tensor = (
            self._norm(x) * (1 + self._text_scale)[:, None] + self._text_shift[:, None]
        )
        return modulated

    def gate(self, text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
        """The gate of every token, text first."""
        return torch.cat(
            [self._text_gate[:, None].expand_as(text), self._gate[:, None].expand_as(video)], dim=1
        )


class CogVideoXSampler:
    """Loads and drives a `CogVideoXPipeline`.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: for sizes that CogVideoX does not sample, offloading without a GPU, or a
            scheduler that adds noise while sampling.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        check_offload(model, device)
        _check(model)
        self.model = model
        self.weights: Weights = find_parts(model, {"pipeline": PIPELINE}, model.path)
        quiet_loading()
        self.pipeline: Any = CogVideoXPipeline.from_pretrained(
            self.weights.folders["pipeline"], dtype=DTYPES[dtype], local_files_only=True
        )
        scheduler = type(self.pipeline.scheduler)
        if scheduler is not CogVideoXDDIMScheduler:
            raise ConfigError(
                f"the checkpoint's scheduler is {scheduler.__name__}: it must be "
                "CogVideoXDDIMScheduler, so that the seed alone determines a video"
            )
        if model.random_weights:
            torch.manual_seed(0)
            control = CogVideoXTransformer3DModel.from_config(self.pipeline.transformer.config)
            self.pipeline.transformer = control.to(DTYPES[dtype]).eval()
        place(self.pipeline, model, device)
        self.architecture = CogVideoXArchitecture(self.pipeline.transformer)

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters."""
        return sum(p.numel() for p in self.pipeline.transformer.parameters())

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The scheduler's timesteps, one per call: DDIM calls the transformer once a step.

        Raises:
            ConfigError: for numbers of steps such as 61, to which diffusers' scheduler appends a
                timestep of -1.
        """
        scheduler = CogVideoXDDIMScheduler.from_config(self.pipeline.scheduler.config)
        scheduler.set_timesteps(steps)
        timesteps = tuple(int(t) for t in scheduler.timesteps)
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

    def noise(self, seed: int) -> torch.Tensor:
        """Standard normal latents (1, frames, channels, height, width), drawn on the CPU."""
        pipeline = self.pipeline
        shape = (
            1,
            self._latent_frames + self._padding,
            pipeline.transformer.config.in_channels,
            self.model.height // pipeline.vae_scale_factor_spatial,
            self.model.width // pipeline.vae_scale_factor_spatial,
        )
        generator = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(shape, generator=generator, dtype=pipeline.transformer.dtype)

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
            num_inference_steps=steps,
            guidance_scale=guidance,
            num_frames=self.model.frames,
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
        video = self.pipeline.decode_latents(latents[:, self._padding :])
        frames = self.pipeline.video_processor.postprocess_video(video, output_type="np")[0]
        self.pipeline.maybe_free_model_hooks()
        return (frames * 255).round().astype(np.uint8)

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
