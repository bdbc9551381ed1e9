"""Lets known outputs of the transformer stand in for its first calls, and keeps the new ones."""

from __future__ import annotations

from collections.abc import Callable
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
    """A context in which a transformer's `forward` follows a tape, for one video.

    It stands outside of all else: hooks on the transformer see every call, the modules inside only
    those that are computed. Sampler and scheduler run as always, so that their state needs no
    keeping.

    Args:
        transformer: the module that the pipeline calls.
        tape: the outputs.
        lanes: transformer calls per denoising step.
    """

    def __init__(self, transformer: nn.Module, tape: Tape, lanes: int = 1) -> None:
        self._transformer = transformer
        self._tape = tape
        self._lanes = lanes
        self._done = 0
        self._own: Callable[..., Any] | None = None

    def __enter__(self) -> Self:
        """Attach."""
        self._own = self._transformer.__dict__.get("forward")
        compute = self._transformer.forward
        tape = self._tape

        def forward(*args: Any, **kwargs: Any) -> Any:
            call, lane = divmod(self._done, self._lanes)
            self._done += 1
            if call < tape.known:
                return tape.play(call, lane)
            output = compute(*args, **kwargs)
            tape.record(call, lane, output)
            return output

        self._transformer.forward = forward  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the transformer's own `forward`."""
        if self._own is None:
            del self._transformer.forward
        else:
            self._transformer.forward = self._own  # type: ignore[method-assign]
