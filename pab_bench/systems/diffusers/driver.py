"""Calls a diffusers pipeline as it is, and stops it where a stage ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.engine.playback import Playback
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.systems.diffusers.blank import BlankTape
from pab_bench.systems.diffusers.block_order import BlockOrder
from pab_bench.systems.diffusers.call_names import CallNames
from pab_bench.systems.diffusers.cut import DecodeInstead, Decoding, StopAtDecoding, Stopped
from pab_bench.systems.diffusers.first_picture import picture_of
from pab_bench.systems.diffusers.guidance import guidance_arguments
from pab_bench.systems.diffusers.modules import candidates
from pab_bench.systems.diffusers.noise_levels import UnknownSchedule, flow_sigmas, noise_levels
from pab_bench.systems.diffusers.steps import StepCounter
from pab_bench.systems.diffusers.text_memory import TextMemory
from pab_bench.systems.diffusers.watching import Watch, arguments
from pab_bench.systems.model import ModelSettings

REHEARSED_STEPS = 4
"""Of a call of which only the beginning runs; PNDM can do with no fewer, Mochi not with 1."""
REHEARSED_PROMPT = "a video"
"""Not empty: some text encoders make nothing of that."""


class CallFailed(PabBenchError):
    """A pipeline's own call did not come to where it should have been stopped."""


class Driver:
    """Calls a pipeline's own `__call__` with a prompt and a generator, never with tensors.

    Args:
        pipeline: a diffusers pipeline.
        transformers: the modules that it calls, one of them in each step.
        call: what its `__call__` takes.
        model: the size of the video, and its negative prompt.

    Attributes:
        order: of the blocks, as the last rehearsal has shown it.
    """

    def __init__(
        self, pipeline: Any, transformers: Sequence[Any], call: CallNames, model: ModelSettings
    ) -> None:
        self.pipeline = pipeline
        self._transformers = transformers
        self._call = call
        self._model = model
        self._memory = TextMemory(pipeline)
        self.order = BlockOrder(transformers)

    def arguments(self, prompt: str, seed: int, steps: int, guidance: float) -> dict[str, Any]:
        """What the pipeline is called with.

        Raises:
            ConfigError: if it has no scale of guidance and is to have one.
        """
        model = self._model
        given: dict[str, Any] = {
            "prompt": prompt,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "num_inference_steps": steps,
            self._call.frames: model.frames,
        }
        if model.negative_prompt:  # Otherwise the pipeline has its own.
            given["negative_prompt"] = model.negative_prompt
        optional = {
            "height": model.height,
            "width": model.width,
            "clean_caption": model.clean_caption,
        }
        given |= model.call.values()
        picture = picture_of(prompt, self._call, model)
        if picture is not None:
            given["image"] = picture
        given |= guidance_arguments(self.pipeline, self._call, guidance)
        return given | {key: own for key, own in optional.items() if self._call.has(key)}

    def first_call(self, prompt: str, steps: int, guidance: float) -> Mapping[str, Any]:
        """What a transformer is first called with, by name; the scheduler is set after it."""
        found: dict[str, Any] = {}

        def stop(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found.update(arguments(module, args, kwargs))
            raise Stopped

        # Before all others: what counts calls shall not see one that is not made.
        hooks = [
            own.register_forward_pre_hook(stop, with_kwargs=True, prepend=True)
            for own in self._transformers
        ]
        try:
            self._run(self.arguments(prompt, 0, steps, guidance), "the transformer was called")
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def noise_levels(self, steps: int, guidance: float) -> tuple[int, ...]:
        """The noise level, 0 to 1000, of every step.

        Raises:
            ConfigError: if the scheduler's is not known.
        """
        self.first_call(REHEARSED_PROMPT, steps, guidance)
        try:
            return noise_levels(self.pipeline.scheduler)
        except UnknownSchedule as error:
            raise ConfigError(f"steps={steps}: {error}") from error

    def sigmas(self, steps: int, guidance: float) -> tuple[float, ...]:
        """The part of noise in the latents at every step; empty without flow matching."""
        self.first_call(REHEARSED_PROMPT, steps, guidance)
        return flow_sigmas(self.pipeline.scheduler)

    def rehearse(self, guidance: float, prompt: str = REHEARSED_PROMPT) -> Watch:
        """Run one denoising step and watch all modules that may be sites."""

        def stop(step: int) -> None:
            raise Stopped

        given = self.arguments(prompt, 0, REHEARSED_STEPS, guidance)
        watched = [own for transformer in self._transformers for own in candidates(transformer)]
        order = BlockOrder(self._transformers)
        with order, Watch(self._transformers, watched) as watch:
            counter = StepCounter(self._transformers, self.pipeline.scheduler, stop)
            self._run(given, "a denoising step ended", counter)
        self.order = order
        return watch

    def transformers_called(self, steps: int, watch: Watch, guidance: float) -> tuple[int, ...]:
        """Which of the transformers each step calls, by its index.

        All steps are run with zeros in place of every transformer's output: which one is called
        depends on timesteps, not on latents.

        Args:
            steps: denoising steps.
            watch: of the rehearsal with that scale of guidance.
            guidance: the scale.

        Raises:
            LanesDiffer: if a step calls several.
        """
        given = self.arguments(REHEARSED_PROMPT, 0, steps, guidance)
        counter = StepCounter(
            self._transformers, self.pipeline.scheduler, lambda step: None, watch.lanes
        )
        cut = StopAtDecoding(self.pipeline)
        self._run(given, "latents were decoded", counter, cut, self._blank(watch))
        return tuple(counter.called)

    def latents(
        self, given: Mapping[str, Any], lanes: int | None, on_step: Callable[[int], None]
    ) -> tuple[torch.Tensor, Decoding]:
        """Run all denoising steps.

        Returns:
            What the pipeline would decode, and how.

        Raises:
            LanesDiffer: if a step calls the transformer more or less often than `lanes`, or than
                the first.
        """
        cut = StopAtDecoding(self.pipeline)
        counter = StepCounter(self._transformers, self.pipeline.scheduler, on_step, lanes)
        self._run(given, "latents were decoded", counter, cut)
        assert cut.latents is not None
        assert cut.decoding is not None
        return cut.latents, cut.decoding

    def frames(
        self, latents: torch.Tensor, decoding: Decoding, watch: Watch, guidance: float
    ) -> npt.NDArray[np.uint8]:
        """Let the call run again from where it was stopped, to uint8 (frames, height, width, 3).

        All that a pipeline does after decoding is done so. Before it, the transformer is left out
        and the prompt is one that is encoded already.

        Args:
            latents: what is decoded.
            decoding: how.
            watch: of the rehearsal with that scale of guidance.
            guidance: the scale, which is of no account for the frames.
        """
        given = self.arguments(REHEARSED_PROMPT, 0, REHEARSED_STEPS, guidance)
        with self._memory, self._blank(watch), DecodeInstead(latents, decoding):
            frames = np.asarray(self.pipeline(**given, output_type="np").frames[0])
        if frames.ndim != 4 or frames.shape[-1] != 3:
            name = type(self.pipeline).__name__
            raise CallFailed(f"{name} gives no video of RGB frames, but {frames.shape}")
        rounded: npt.NDArray[np.uint8] = (frames * 255).round().astype(np.uint8)
        return rounded

    def _blank(self, watch: Watch) -> Playback:
        return Playback(self._transformers, BlankTape(watch.outputs), len(watch.outputs))

    def _run(self, given: Mapping[str, Any], until: str, *contexts: Any) -> None:
        with ExitStack() as attached:
            for context in (self._memory, *contexts):
                attached.enter_context(context)
            try:
                self.pipeline(**given)
            except Stopped:
                return
            finally:
                self.pipeline.maybe_free_model_hooks()
        raise CallFailed(f"the call of {type(self.pipeline).__name__} ended before {until}")
