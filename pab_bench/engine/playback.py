"""Lets known outputs of transformers stand in for their first calls, and keeps the new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from torch import nn


class Tape(Protocol):
    """The transformer's outputs for one video: known ones to play, new ones to record."""

    @property
    def known(self) -> int:
        """How many first calls are played instead of computed."""
        ...

    def play(self, call: int, lane: int) -> Any:
        """The output of a known call, which the caller may change."""
        ...

    def record(self, call: int, lane: int, output: Any) -> None:
        """A call has computed its output, which the caller may change later."""
        ...


class Playback:
    """A context in which transformers' `forward` follows a tape, for one video.

    It stands outside of all else: hooks on a transformer see every call, the modules inside only
    those that are computed. Sampler and scheduler run as always, so that their state needs no
    keeping.

    Args:
        transformers: the modules that the pipeline calls, in whatever order; or the only one.
        tape: the outputs.
        lanes: transformer calls per denoising step.
    """

    def __init__(
        self, transformers: nn.Module | Sequence[nn.Module], tape: Tape, lanes: int = 1
    ) -> None:
        self._transformers = (
            (transformers,) if isinstance(transformers, nn.Module) else tuple(transformers)
        )
        self._tape = tape
        self._lanes = lanes
        self._done = 0
        self._own: list[Callable[..., Any] | None] = []

    def __enter__(self) -> Self:
        """Attach."""
        for transformer in self._transformers:
            self._own.append(transformer.__dict__.get("forward"))
            transformer.forward = self._following(transformer.forward)  # type: ignore[method-assign]
        return self

    def _following(self, compute: Callable[..., Any]) -> Callable[..., Any]:
        tape = self._tape

        def forward(*args: Any, **kwargs: Any) -> Any:
            call, lane = divmod(self._done, self._lanes)
            self._done += 1
            if call < tape.known:
                return tape.play(call, lane)
            output = compute(*args, **kwargs)
            tape.record(call, lane, output)
            return output

        return forward

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the transformers' own `forward`."""
        for transformer, own in zip(self._transformers, self._own, strict=True):
            if own is None:
                del transformer.forward
            else:
                transformer.forward = own  # type: ignore[method-assign]
        self._own.clear()
