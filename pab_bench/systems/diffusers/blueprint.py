"""Any diffusers pipeline without weights: its own call, rehearsed with networks of shapes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.engine.playback import Playback
from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.systems.blueprint import Decoder
from pab_bench.systems.checkpoints.part import one_line
from pab_bench.systems.diffusers.architecture import DiscoveredArchitecture
from pab_bench.systems.diffusers.blank import BlankTape
from pab_bench.systems.diffusers.described import NoDescription, described_pipeline
from pab_bench.systems.diffusers.discovery import discover
from pab_bench.systems.diffusers.driver import REHEARSED_PROMPT, REHEARSED_STEPS, Driver
from pab_bench.systems.diffusers.flow_shift import set_flow_shift
from pab_bench.systems.diffusers.guidance import OFF, usual_guidance
from pab_bench.systems.diffusers.index import locate_descriptions
from pab_bench.systems.diffusers.modules import candidates, check_alike
from pab_bench.systems.diffusers.named import check_named, named_architecture
from pab_bench.systems.diffusers.numberless import Numberless
from pab_bench.systems.diffusers.text import text_tokens
from pab_bench.systems.diffusers.watching import Watch, arguments
from pab_bench.systems.diffusers.wordless import WordlessTokenizer
from pab_bench.systems.loading import DTYPES, quiet_loading
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.several import Several
from pab_bench.systems.weights import WeightsMissing, setting_of

_REMEMBERED = 4
"""Rehearsals, by guidance and prompt; each has what one step is called with."""


class DiffusersBlueprint:
    """A `RehearsedBlueprint` of a folder with configurations, or with weights that it leaves alone.

    Sites are those of the system's own architecture. Where it has none, they are found as the
    sampler finds them, by one denoising step of the pipeline's own call.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks, by name.

    Raises:
        ConfigError: if a part is not described, or the call cannot be rehearsed without numbers.
    """

    encoded_prompts = 1
    """Of one `encode`, which encodes the negative prompt, too."""

    def __init__(self, model: ModelSettings, dtype: str) -> None:
        self.model = model
        self.system = model.system
        quiet_loading()
        try:
            folder, index = locate_descriptions(model)
            check_named(model, index)
            self._pipeline = described_pipeline(index, folder, DTYPES[dtype])
        except (WeightsMissing, NoDescription) as error:
            raise self._unknown(error) from error
        if model.flow_shift is not None:
            set_flow_shift(self._pipeline, model.flow_shift)
        parts = {name: getattr(self._pipeline, name) for name in index.transformers}
        try:
            check_alike(parts)
        except ValueError as error:
            raise self._unknown(error) from error
        self._transformers = list(parts.values())
        self._names = index.call
        guider = getattr(self._pipeline, "guider", None)
        self._usual = usual_guidance(index.call, guider and guider.config)
        self._has_words = not any(
            isinstance(part, WordlessTokenizer) for part in self._pipeline.components.values()
        )
        self._driver = self._new_driver()
        self._step = lru_cache(maxsize=_REMEMBERED)(self._rehearse)
        self._architecture = self._attach(self._step(self._usual, REHEARSED_PROMPT).watch)

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        return self._architecture

    @property
    def padded_text_tokens(self) -> int:
        """Tokens of text that the transformer is given of a prompt as long as may be, or of one."""
        return text_tokens(self.calls(self._usual, REHEARSED_PROMPT)[0])

    def guided(self, guidance: float) -> bool:
        """Whether the scale is that of a guidance; pipelines differ in what they make of it."""
        return guidance != OFF

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The noise level at every step, from 1000 at most to 0 at least.

        Raises:
            ConfigError: if the scheduler's noise level is not known.
        """
        return self._driver.noise_levels(steps, self._usual)

    def sigmas(self, steps: int) -> tuple[float, ...]:
        """The part of noise in the latents at every step; empty without flow matching."""
        return self._driver.sigmas(steps, self._usual)

    def transformers_called(self, steps: int) -> tuple[int, ...]:
        """Which transformer each step calls, by its index; empty if there is only one."""
        if len(self._transformers) == 1:
            return ()
        watch = self._step(self._usual, REHEARSED_PROMPT).watch
        return self._driver.transformers_called(steps, watch, self._usual)

    def text_tokens(self, prompts: Sequence[str]) -> int | None:
        """Tokens of the longest prompt, by its characters; None if there is no tokenizer here."""
        if not self._has_words:
            return None
        return text_tokens(self.calls(self._usual, max(prompts, key=len))[0])

    def calls(self, guidance: float, prompt: str) -> Sequence[Mapping[str, Any]]:
        """What the transformer is called with in one denoising step, by name, for every lane.

        Raises:
            ConfigError: if the pipeline has no such guidance.
        """
        return self._step(guidance, prompt if self._has_words else REHEARSED_PROMPT).calls

    def lanes(self, guidance: float) -> int:
        """Calls of the transformer in a denoising step."""
        return len(self.calls(guidance, REHEARSED_PROMPT))

    def encode(self) -> None:
        """Encode a prompt, and the negative one if there is one."""
        self._new_driver().first_call(REHEARSED_PROMPT, REHEARSED_STEPS, self._usual)

    def decode(self, decoder: Decoder) -> None:
        """Decode; the paper has no decoder for such a pipeline but its own."""
        given = self._driver.arguments(REHEARSED_PROMPT, 0, REHEARSED_STEPS, self._usual)
        outputs = self._step(self._usual, REHEARSED_PROMPT).watch.outputs
        with Playback(self._transformers, BlankTape(outputs), len(outputs)):
            latents, decoding = self._driver.latents(given, len(outputs), lambda step: None)
        owner, name = decoding.by
        with torch.no_grad(), Numberless():
            getattr(owner, name)(latents, *decoding.rest, **decoding.named)

    def _new_driver(self) -> Driver:
        return Driver(self._pipeline, self._transformers, self._names, self.model)

    def _attach(self, watch: Watch) -> Architecture:
        parts = [self._architecture_of(transformer, watch) for transformer in self._transformers]
        return parts[0] if len(parts) == 1 else Several(parts)

    def _architecture_of(self, transformer: Any, watch: Watch) -> Architecture:
        named = named_architecture(self.model, transformer)
        if named is not None:
            return named
        found = discover(list(candidates(transformer)), watch.visits, watch.lanes)
        if not found.sites:
            raise self._unknown("no attention or MLP was found in it")
        return DiscoveredArchitecture(transformer, found, self._driver.order)

    def _rehearse(self, guidance: float, prompt: str) -> _Rehearsal:
        calls: list[Mapping[str, Any]] = []

        def note(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append(arguments(module, args, kwargs))

        hooks = [t.register_forward_pre_hook(note, with_kwargs=True) for t in self._transformers]
        try:
            watch = self._driver.rehearse(guidance, prompt)
        except PabBenchError:
            raise
        except Exception as error:  # What pipelines raise for wrong sizes is not listed.
            own = self.model
            size = f"{own.frames} frames of {own.height} x {own.width}"
            raise self._unknown(f"a rehearsal of {size} fails: {one_line(error)}") from error
        finally:
            for hook in hooks:
                hook.remove()
        return _Rehearsal(watch, calls)

    def _unknown(self, reason: object) -> ConfigError:
        where = setting_of(self.model)
        said = str(reason).removeprefix(f"{where}: ")
        return ConfigError(f"{where}: its cost is not known without weights: {said}")


@dataclass(frozen=True)
class _Rehearsal:
    """One denoising step: what was watched in it, and what the transformer was called with."""

    watch: Watch
    calls: Sequence[Mapping[str, Any]]
