"""Tells denoising steps apart while a pipeline runs, and what is called in each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from torch import nn

from pab_bench.errors import PabBenchError


class LanesDiffer(PabBenchError):
    """A denoising step calls the transformer more or less often than others, or several ones."""


class StepCounter:
    """A context in which a step ends with the scheduler's `step` after calls of the transformer.

    The scheduler's class is wrapped, not the instance: some pipelines copy their scheduler, and the
    copies count, too. Its signature stays visible, since pipelines read it. A `step` without a call
    of the transformer before it belongs to the step before.

    Args:
        transformers: the modules that the pipeline calls, one of them in each step.
        scheduler: the pipeline's.
        on_step: called after every step with its index.
        lanes: calls that each step must have; None = as many as the first.

    Attributes:
        steps: how many have ended.
        called: of each of these, which transformer was called, by its index.
    """

    def __init__(
        self,
        transformers: Sequence[nn.Module],
        scheduler: Any,
        on_step: Callable[[int], None],
        lanes: int | None = None,
    ) -> None:
        self._transformers = transformers
        self._class: Any = type(scheduler)
        self._on_step = on_step
        self.lanes = lanes
        self.steps = 0
        self.called: list[int] = []
        self._calls: list[nn.Module] = []

    def __enter__(self) -> Self:
        """Attach."""
        self._hooks = [own.register_forward_pre_hook(self._note) for own in self._transformers]
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
        """Restore the scheduler's class and the transformers."""
        for hook in self._hooks:
            hook.remove()
        if self._inherited:
            del self._class.step
        else:
            self._class.step = self._own

    def _note(self, module: nn.Module, args: Any) -> None:
        self._calls.append(module)

    def _stepped(self) -> None:
        if not self._calls:
            return
        calls, self._calls = self._calls, []
        if self.lanes is None:
            self.lanes = len(calls)
        elif len(calls) != self.lanes:
            raise LanesDiffer(
                f"denoising step {self.steps} called the transformer {len(calls)} times, not "
                f"{self.lanes} times as the first step: a plan needs the same calls in every step"
            )
        if any(module is not calls[0] for module in calls):
            raise LanesDiffer(
                f"denoising step {self.steps} called more than one transformer: a plan needs all "
                "calls of a step to be of the same one"
            )
        self.called.append(next(i for i, m in enumerate(self._transformers) if m is calls[0]))
        self._on_step(self.steps)
        self.steps += 1
