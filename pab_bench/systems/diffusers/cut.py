"""Cuts a pipeline's own call in two: what comes before its latents are decoded, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch

from pab_bench.errors import PabBenchError


class Stopped(Exception):
    """Ends a pipeline's call where enough is known; never seen outside of the driver."""


class DecodesInParts(PabBenchError):
    """A pipeline decodes its latents in several calls, so that no single one has them all."""


@dataclass(frozen=True)
class Decoding:
    """How a pipeline decodes.

    Attributes:
        by: the object and the name of its method: the pipeline's `decode_latents`, or its
            autoencoder's `decode`.
        rest: positional arguments after the latents.
        named: the other arguments.
    """

    by: tuple[Any, str]
    rest: tuple[Any, ...]
    named: Mapping[str, Any]


class StopAtDecoding:
    """A context in which a pipeline's call ends where it would decode.

    Args:
        pipeline: a diffusers pipeline.

    Attributes:
        latents: what would have been decoded; None before.
        decoding: how.
    """

    def __init__(self, pipeline: Any) -> None:
        owners = [(pipeline.vae, "decode")]
        if hasattr(type(pipeline), "decode_latents"):
            owners.append((pipeline, "decode_latents"))
        self._methods = [_Method(owner, name) for owner, name in owners]
        self.latents: torch.Tensor | None = None
        self.decoding: Decoding | None = None

    def __enter__(self) -> Self:
        """Attach."""
        for method in self._methods:
            method.replace(self._stop(method))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give both their own methods back."""
        for method in self._methods:
            method.restore()

    def _stop(self, method: _Method) -> Any:
        def stop(latents: torch.Tensor, *rest: Any, **named: Any) -> Any:
            self.latents = latents
            self.decoding = Decoding((method.owner, method.name), rest, named)
            raise Stopped

        return stop


class DecodeInstead:
    """A context in which a pipeline's call decodes given latents in place of its own.

    Args:
        latents: where an earlier call was stopped.
        decoding: how it would have gone on.
    """

    def __init__(self, latents: torch.Tensor, decoding: Decoding) -> None:
        self._latents = latents
        self._decoding = decoding
        self._method = _Method(*decoding.by)

    def __enter__(self) -> Self:
        """Attach."""
        own, latents, how = self._method.own, self._latents, self._decoding
        calls = 0

        def decode(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > 1:
                raise DecodesInParts(
                    f"{how.by[1]} is called more than once for a video: such a pipeline cannot be "
                    "driven yet"
                )
            return own(latents, *how.rest, **how.named)

        self._method.replace(decode)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the method back."""
        self._method.restore()


class _Method:
    """A method that is replaced on one object."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.own = getattr(owner, name)
        self._before = owner.__dict__.get(name)

    def replace(self, other: Any) -> None:
        setattr(self.owner, self.name, other)

    def restore(self) -> None:
        if self._before is None:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self._before)
