"""A real call of the transformer, caught on its way, and the sampler without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from pab_bench.engine.playback import Playback
from pab_bench.engine.sites import Architecture
from pab_bench.systems.base import Sampler, TextEmbeddings


@dataclass(frozen=True)
class Captured:
    """What a sampler calls its transformer with, and what came out.

    Attributes:
        args: positional arguments.
        kwargs: the others.
        output: the result.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any


class Timeable(Protocol):
    """A transformer with what it is called with, and what is around it."""

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        ...

    def capture(self, steps: int) -> Captured:
        """A call of it, in a video of `steps` steps."""
        ...

    def without_transformer(
        self, captured: Captured, steps: int, mark: Callable[[], Any]
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

    def capture(self, steps: int) -> Captured:
        """Catch the first call of a video of `steps` steps; the other calls cost nothing."""
        once = _Once()
        transformer = self.sampler.architecture.transformer
        caught: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if not caught:
                caught.append((args, kwargs))

        hook = transformer.register_forward_pre_hook(note, with_kwargs=True)
        try:
            with Playback(transformer, once):
                self._denoise(steps, lambda step: None)
        finally:
            hook.remove()
        args, kwargs = caught[0]
        return Captured(args, kwargs, once.output)

    def without_transformer(
        self, captured: Captured, steps: int, mark: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """Denoise with a known output in place of every call: scheduler and guidance are left.

        Args:
            captured: whose output.
            steps: denoising steps.
            mark: of a clock.

        Returns:
            The marks before and after.
        """
        once = _Once()
        once.record(0, 0, captured.output)
        with Playback(self.sampler.architecture.transformer, once):
            start = mark()
            self._denoise(steps, lambda step: None)
            return start, mark()

    def _denoise(self, steps: int, on_step: Callable[[int], None]) -> None:
        self.sampler.denoise(self.text, self.noise, steps, self.guidance, on_step)


class _Once:
    """A tape that has the first call's output for all others."""

    _ALL = 2**31

    def __init__(self) -> None:
        self.known = 0
        self.output: Any = None

    def play(self, call: int, lane: int) -> Any:
        return _copied(self.output)

    def record(self, call: int, lane: int, output: Any) -> None:
        self.output = _copied(output)
        self.known = self._ALL


def _copied(output: Any) -> Any:
    """The caller may change what it is given."""
    if isinstance(output, torch.Tensor):
        return output.clone()
    if isinstance(output, tuple):
        return tuple(_copied(part) for part in output)
    if isinstance(output, dict):  # Outputs of diffusers are ordered dictionaries.
        return type(output)(**{name: _copied(part) for name, part in output.items()})
    return output
