"""Any text-to-video pipeline of diffusers, driven by its own call; its sites named or found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from torch import nn

from pab_bench.engine.sites import Architecture, transformers_of
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.problems import Problem
from pab_bench.systems.base import OnStep, TextEmbeddings
from pab_bench.systems.checkpoints.part import CheckpointRefused, one_line
from pab_bench.systems.diffusers.architecture import DiscoveredArchitecture
from pab_bench.systems.diffusers.completeness import check_complete
from pab_bench.systems.diffusers.control import random_copy
from pab_bench.systems.diffusers.cut import Decoding
from pab_bench.systems.diffusers.discovery import discover
from pab_bench.systems.diffusers.driver import REHEARSED_STEPS, Driver
from pab_bench.systems.diffusers.first_picture import check_picture
from pab_bench.systems.diffusers.flow_shift import set_flow_shift
from pab_bench.systems.diffusers.guidance import usual_guidance
from pab_bench.systems.diffusers.index import PipelineIndex, locate
from pab_bench.systems.diffusers.modules import candidates, check_alike
from pab_bench.systems.diffusers.named import check_named, named_architecture
from pab_bench.systems.diffusers.text import PromptText, prompt_text
from pab_bench.systems.diffusers.tokenizing import tokenizer_call
from pab_bench.systems.diffusers.watching import Watch
from pab_bench.systems.loading import DTYPES, check_offload, place, quiet_loading
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.prompt_tokens import PromptTokens
from pab_bench.systems.several import Several
from pab_bench.systems.weights import Weights, setting_of


class DiffusersSampler:
    """Loads a pipeline by its `model_index.json` and drives its own call in stages.

    Timesteps are noise levels from 1000 to 0, whatever the scheduler counts. The latents are what
    the pipeline would decode.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if offloading is asked for without a GPU.
        CheckpointRefused: if the pipeline cannot be driven, loaded or sampled at that size.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """

    def __init__(self, model: ModelSettings, device: str, dtype: str) -> None:
        check_offload(model, device)
        self.model = model
        quiet_loading()
        self.weights, index = locate(model)
        check_named(model, index)
        self.pipeline = _load(model, index, str(self.weights.folders["pipeline"]), dtype)
        if model.flow_shift is not None:
            set_flow_shift(self.pipeline, model.flow_shift)
        for part in (*index.transformers, "vae"):
            network = getattr(self.pipeline, part)
            check_complete(network, part, self.weights.folders["pipeline"], setting_of(model))
        if model.random_weights:
            for seed, part in enumerate(index.transformers):
                control = random_copy(getattr(self.pipeline, part), DTYPES[dtype], seed)
                setattr(self.pipeline, part, control)
        transformers = {part: getattr(self.pipeline, part) for part in index.transformers}
        try:
            check_alike(transformers)
        except ValueError as error:
            raise _refused(model, str(error)) from error
        place(self.pipeline, model, device)
        self._call = index.call
        self._driver = Driver(self.pipeline, list(transformers.values()), index.call, model)
        guider = getattr(self.pipeline, "guider", None)
        self._usual = self._guidance = usual_guidance(index.call, guider and guider.config)
        self._watched: dict[float, Watch] = {}
        self._levels: dict[int, tuple[int, ...]] = {}
        self._called: dict[int, tuple[int, ...]] = {}
        self._decoding: Decoding | None = None
        self._tokens: dict[str, PromptTokens | None] = {}
        watch = self._watch(self._guidance)
        parts = [
            named_architecture(model, transformer) or self._discovered(transformer, watch)
            for transformer in transformers.values()
        ]
        self.architecture: Architecture = parts[0] if len(parts) == 1 else Several(parts)

    @staticmethod
    def locate(model: ModelSettings) -> Weights:
        """The folder with the checkpoint's files, downloaded if need be."""
        return locate(model)[0]

    @classmethod
    def check(cls, model: ModelSettings) -> None:
        """Check what a checkpoint says of itself and that its files are there.

        Raises:
            CheckpointRefused: naming the setting and what is wrong.
            WeightsMissing: with the files that are missing.
        """
        _, index = locate(model)
        check_named(model, index)

    @classmethod
    def read_prompts(cls, model: ModelSettings, prompts: Sequence[str]) -> None:
        """Not told before a pipeline is loaded, which tokenizes in a way of its own."""

    def tokens(self, prompt: str) -> PromptTokens | None:
        """What becomes of a prompt in the first tokenizer; None where none cuts what is long."""
        if prompt not in self._tokens:
            # Not by way of the driver's memory, which has no tokens.
            given = self._driver.arguments(prompt, 0, REHEARSED_STEPS, self._usual)
            call = tokenizer_call(self.pipeline, given)
            self._tokens[prompt] = None if call is None else call.tokens(prompt)
        return self._tokens[prompt]

    @property
    def parameters(self) -> int:
        """Number of the transformer's parameters, or of all transformers'."""
        transformers = transformers_of(self.architecture)
        return sum(p.numel() for transformer in transformers for p in transformer.parameters())

    def lanes(self, guidance: float) -> int:
        """Calls of the transformer in a denoising step, by a rehearsal of one."""
        return self._watch(guidance).lanes

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The noise level at every step, from 1000 at most to 0 at least.

        Raises:
            ConfigError: if the scheduler's noise level is not known.
        """
        if steps not in self._levels:
            self._levels[steps] = self._driver.noise_levels(steps, self._usual)
        return self._levels[steps]

    def sigmas(self, steps: int) -> tuple[float, ...]:
        """The part of noise in the latents at every step; empty without flow matching."""
        return self._driver.sigmas(steps, self._usual)

    def transformers_called(self, steps: int) -> tuple[int, ...]:
        """Which transformer each step calls, by its index; empty if there is only one.

        Raises:
            LanesDiffer: if a step calls several.
        """
        if len(transformers_of(self.architecture)) == 1:
            return ()
        if steps not in self._called:
            watch = self._watched[self._usual]
            self._called[steps] = self._driver.transformers_called(steps, watch, self._usual)
        return self._called[steps]

    def encode(self, prompt: str) -> PromptText:
        """Encode a prompt, with whatever else the pipeline prepares of it.

        Raises:
            ConfigError: if it has no picture and the pipeline needs one, or the reverse.
        """
        check_picture(prompt, self._call, type(self.pipeline).__name__)
        if self._guidance != self._usual:  # So that denoising finds the prompt encoded.
            self._driver.first_call(prompt, REHEARSED_STEPS, self._guidance)
        # Always by the same scale: digests of points in any order are compared.
        given = self._driver.first_call(prompt, REHEARSED_STEPS, self._usual)
        return prompt_text(prompt, given)

    def noise(self, seed: int) -> torch.Tensor:
        """The seed, (1,): the pipeline draws its noise itself, by a generator on the CPU."""
        return torch.tensor([seed], dtype=torch.int64)

    def denoise(
        self,
        text: TextEmbeddings,
        noise: torch.Tensor,
        steps: int,
        guidance: float,
        on_step: OnStep,
    ) -> torch.Tensor:
        """Run the pipeline until it would decode, and return what it would decode.

        Raises:
            LanesDiffer: if a step calls the transformer more or less often than the first.
        """
        assert isinstance(text, PromptText)
        known = self._watched.get(guidance)
        lanes = None if known is None else known.lanes
        given = self._driver.arguments(text.prompt, int(noise.item()), steps, guidance)
        latents, self._decoding = self._driver.latents(given, lanes, on_step)
        return latents

    def decode(self, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Decode as the pipeline does, to uint8 frames (frames, height, width, 3)."""
        if self._decoding is None:
            raise ConfigError("nothing was denoised yet: how this pipeline decodes is not known")
        watch = self._watched[self._usual]
        return self._driver.frames(latents, self._decoding, watch, self._usual)

    def _discovered(self, transformer: nn.Module, watch: Watch) -> DiscoveredArchitecture:
        found = discover(list(candidates(transformer)), watch.visits, watch.lanes)
        if not found.sites:
            name = type(self.pipeline).__name__
            raise _refused(self.model, f"{name}: no attention or MLP was found in it")
        return DiscoveredArchitecture(transformer, found, self._driver.order)

    def _watch(self, guidance: float) -> Watch:
        if guidance not in self._watched:
            try:
                self._watched[guidance] = self._driver.rehearse(guidance)
            except (PabBenchError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # What pipelines raise for wrong sizes is not listed.
                own = self.model
                size = f"{own.frames} frames of {own.height} x {own.width}"
                size += f" with model.call={own.call}" if own.call else ""
                reason = f"{type(self.pipeline).__name__} does not sample {size}: {one_line(error)}"
                raise _refused(self.model, reason) from error
        self._guidance = guidance
        return self._watched[guidance]


def _load(model: ModelSettings, index: PipelineIndex, folder: str, dtype: str) -> Any:
    try:
        pipeline = index.pipeline.from_pretrained(
            folder, local_files_only=True, dtype=DTYPES[dtype]
        )
    except Exception as error:  # What libraries raise for damaged files is not listed.
        reason = f"{index.pipeline.__name__} cannot be loaded: {one_line(error)}"
        raise _refused(model, reason) from error
    return pipeline


def _refused(model: ModelSettings, reason: str) -> CheckpointRefused:
    return CheckpointRefused([Problem(setting_of(model), reason)])
