"""What every way of splitting calls over ranks does when it is attached, and when it is left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from torch import nn

from pab_bench.parallel.inputs import CallInputs
from pab_bench.parallel.recorder import Recorder


class Attached:
    """A context in which the calls of transformers are split, and recorded.

    Attributes:
        recorder: sees every collective.
        inputs: what each call was given.
    """

    def __init__(self, transformers: Sequence[nn.Module]) -> None:
        self._transformers: tuple[Any, ...] = tuple(transformers)
        self._active = ExitStack()
        self.recorder, self.inputs = Recorder(), CallInputs()

    def __enter__(self) -> Self:
        """Attach to all transformers, or to none."""
        self._active = ExitStack()
        self._active.callback(self._detach)
        try:
            for transformer in self._transformers:
                self._attach(transformer)
            self._active.enter_context(self.recorder)
        except BaseException:
            self._active.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take all away again, also after an exception."""
        self._active.close()

    def _attach(self, transformer: Any) -> None:
        raise NotImplementedError

    def _detach(self) -> None:
        """Take away what is not a callback of the stack."""
