"""Real calls of the transformer, caught on their way, and the sampler without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from pab_bench.engine.playback import Playback
from pab_bench.engine.sites import Architecture, transformers_of
from pab_bench.systems.base import Sampler, TextEmbeddings, lanes_of


@dataclass(frozen=True)
class Captured:
    """What a sampler calls its transformer with, in one lane of a step, and what came out.

    Attributes:
        args: positional arguments.
        kwargs: the others.
        output: the result.
        transformer: which of the architecture's transformers was called, by its index.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any
    transformer: int = 0


class Timeable(Protocol):
    """A transformer with what it is called with, and what is around it."""

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        ...

    def capture(self, steps: int) -> Sequence[Captured]:
        """The calls of one step, in a video of `steps` steps."""
        ...

    def without_transformer(
        self, captured: Sequence[Captured], steps: int, mark: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """Do all of a video but the calls; the marks before and after."""
        ...


@dataclass(frozen=True)
class Scene:
    """A video that is denoised for its time, not for its looks; see `Timeable`.

    Attributes:
        sampler: the loaded model.
        text: its prompt.
        noise: what it starts from.
        guidance: classifier-free guidance scale.
    """

    sampler: Sampler
    text: TextEmbeddings
    noise: torch.Tensor
    guidance: float

    @property
    def architecture(self) -> Architecture:
        """The sampler's transformer."""
        return self.sampler.architecture

    def capture(self, steps: int) -> Sequence[Captured]:
        """Catch the calls of the first of `steps` steps; those of the others cost nothing."""
        once = _Once(self._lanes)
        transformers = transformers_of(self.sampler.architecture)
        caught: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = []

        def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if len(caught) < self._lanes:
                caught.append((module, args, kwargs))

        hooks = [own.register_forward_pre_hook(note, with_kwargs=True) for own in transformers]
        try:
            with Playback(transformers, once, self._lanes):
                self._denoise(steps, lambda step: None)
        finally:
            for hook in hooks:
                hook.remove()
        return [
            Captured(args, kwargs, once.outputs[lane], transformers.index(module))
            for lane, (module, args, kwargs) in enumerate(caught)
        ]

    def without_transformer(
        self, captured: Sequence[Captured], steps: int, mark: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """Denoise with known outputs in place of every call: scheduler and guidance are left.

        Args:
            captured: whose outputs.
            steps: denoising steps.
            mark: of a clock.

        Returns:
            The marks before and after.
        """
        once = _Once(self._lanes)
        for lane, call in enumerate(captured):
            once.record(0, lane, call.output)
        with Playback(transformers_of(self.sampler.architecture), once, self._lanes):
            start = mark()
            self._denoise(steps, lambda step: None)
            return start, mark()

    @property
    def _lanes(self) -> int:
        return lanes_of(self.sampler, self.guidance)

    def _denoise(self, steps: int, on_step: Callable[[int], None]) -> None:
        self.sampler.denoise(self.text, self.noise, steps, self.guidance, on_step)


class _Once:
    """A tape that has the first step's outputs for all others."""

    _ALL = 2**31

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self.outputs: dict[int, Any] = {}

    @property
    def known(self) -> int:
        return self._ALL if len(self.outputs) == self._lanes else 0

    def play(self, call: int, lane: int) -> Any:
        return _copied(self.outputs[lane])

    def record(self, call: int, lane: int, output: Any) -> None:
        self.outputs[lane] = _copied(output)


def _copied(output: Any) -> Any:
    """The caller may change what it is given."""
    if isinstance(output, torch.Tensor):
        return output.clone()
    if isinstance(output, tuple):
        return tuple(_copied(part) for part in output)
    if isinstance(output, dict):  # Outputs of diffusers are ordered dictionaries.
        return type(output)(**{name: _copied(part) for name, part in output.items()})
    return output
