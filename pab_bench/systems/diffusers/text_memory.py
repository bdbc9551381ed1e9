"""Remembers what a pipeline's `encode_prompt` returned, so that a prompt is encoded once."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import torch

_PLAIN = (str, int, float, bool, type(None), torch.device, torch.dtype)


class TextMemory:
    """A context in which a pipeline's `encode_prompt` is asked once for the same arguments.

    What it returns is given out as copies. Arguments that are no plain values, such as tensors, are
    passed on and not remembered; a pipeline without that method is left as it is.

    Args:
        pipeline: a diffusers pipeline.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._known: dict[str, Any] = {}
        self._has = hasattr(type(pipeline), "encode_prompt")

    def __enter__(self) -> Self:
        """Attach."""
        if self._has:
            own = self._pipeline.encode_prompt

            def encode_prompt(*args: Any, **kwargs: Any) -> Any:
                if not _is_plain((args, kwargs)):
                    return own(*args, **kwargs)
                key = repr((args, sorted(kwargs.items())))
                if key not in self._known:
                    self._known[key] = _copy(own(*args, **kwargs))
                return _copy(self._known[key])

            self._pipeline.encode_prompt = encode_prompt
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the pipeline its own method back."""
        if self._has:
            del self._pipeline.encode_prompt


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, _PLAIN)


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, tuple | list):
        return type(value)(map(_copy, value))
    return value
