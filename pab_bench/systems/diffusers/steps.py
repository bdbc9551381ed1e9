"""Tells denoising steps apart while a pipeline runs, and counts the transformer's calls in each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from torch import nn

from pab_bench.errors import PabBenchError


class LanesDiffer(PabBenchError):
    """A denoising step calls the transformer more or less often than others."""


class StepCounter:
    """A context in which a step ends with the scheduler's `step` after calls of the transformer.

    The scheduler's class is wrapped, not the instance: some pipelines copy their scheduler, and the
    copies count, too. Its signature stays visible, since pipelines read it. A `step` without a call
    of the transformer before it belongs to the step before.

    Args:
        transformer: the module that the pipeline calls.
        scheduler: the pipeline's.
        on_step: called after every step with its index.
        lanes: calls that each step must have; None = as many as the first.

    Attributes:
        steps: how many have ended.
    """

    def __init__(
        self,
        transformer: nn.Module,
        scheduler: Any,
        on_step: Callable[[int], None],
        lanes: int | None = None,
    ) -> None:
        self._transformer = transformer
        self._class: Any = type(scheduler)
        self._on_step = on_step
        self.lanes = lanes
        self.steps = self._calls = 0

    def __enter__(self) -> Self:
        """Attach."""
        self._hook = self._transformer.register_forward_pre_hook(self._called)
        own = self._class.step
        self._inherited = "step" not in self._class.__dict__
        self._own = own

        @functools.wraps(own)
        def step(*args: Any, **kwargs: Any) -> Any:
            result = own(*args, **kwargs)
            self._stepped()
            return result

        self._class.step = step
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the scheduler's class and the transformer."""
        self._hook.remove()
        if self._inherited:
            del self._class.step
        else:
            self._class.step = self._own

    def _called(self, module: nn.Module, args: Any) -> None:
        self._calls += 1

    def _stepped(self) -> None:
        if not self._calls:
            return
        calls, self._calls = self._calls, 0
        if self.lanes is None:
            self.lanes = calls
        elif calls != self.lanes:
            raise LanesDiffer(
                f"denoising step {self.steps} called the transformer {calls} times, not "
                f"{self.lanes} times as the first step: a plan needs the same calls in every step"
            )
        self._on_step(self.steps)
        self.steps += 1
