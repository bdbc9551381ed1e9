"""CogVideoX: the diffusers `CogVideoXPipeline`, whose transformer attends to everything at once.

Everything that the harness must know about this system is in this file; see `ADDING_A_MODEL.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXPipeline
from torch import nn

from pab_bench.broadcast.kinds import MLP_SPATIAL, SPATIAL, Group
from pab_bench.broadcast.sites import Architecture, Block, BlockForward, Visit
from pab_bench.config.settings import ModelSettings
from pab_bench.errors import ConfigError
from pab_bench.samplers.base import TextEmbeddings
from pab_bench.samplers.pipeline_sampler import FOLDER, PipelineSampler
from pab_bench.samplers.weights import Weights, find_parts

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


class CogVideoXSampler(PipelineSampler):
    """Loads and drives a `CogVideoXPipeline`; latents are (1, frames, channels, height, width).

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
        _check(model)
        super().__init__(model, device, dtype)

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folder with the checkpoint's files, downloaded if need be."""
        return find_parts(model, {"pipeline": FOLDER}, model.path)

    def _load(self, dtype: torch.dtype) -> Any:
        pipeline: Any = CogVideoXPipeline.from_pretrained(
            self.weights.folders["pipeline"], dtype=dtype, local_files_only=True
        )
        scheduler = type(pipeline.scheduler)
        if scheduler is not CogVideoXDDIMScheduler:
            raise ConfigError(
                f"the checkpoint's scheduler is {scheduler.__name__}: it must be "
                "CogVideoXDDIMScheduler, so that the seed alone determines a video"
            )
        return pipeline

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
