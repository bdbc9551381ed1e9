"""The work of every block of a stack, and the tokens that leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch.utils.hooks import RemovableHandle

from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.work import Work
from pab_bench.engine.stack import StackBlock


class BlockMeter:
    """A context in which the blocks of one call are measured.

    Args:
        stack: the blocks, in order.
        counter: counts what runs.

    Attributes:
        work: by index of the stack, everything that its blocks have done.
        tokens: likewise number of elements and dtype of every stream that leaves the last of them.
    """

    def __init__(self, stack: Sequence[StackBlock], counter: WorkCounter) -> None:
        self.work: dict[int, Work] = {}
        self.tokens: dict[int, tuple[tuple[int, str], ...]] = {}
        self._stack, self._counter = stack, counter
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        """Begin."""
        for block in self._stack:
            self._hooks.append(block.module.register_forward_pre_hook(self._begin))
            self._hooks.append(block.module.register_forward_hook(self._ends(block.index)))
        return self

    def __exit__(self, *error: object) -> None:
        """Measure no longer."""
        self.stop()

    def stop(self) -> None:
        """Measure no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def _begin(self, module: Any, args: Any) -> None:
        self._start = self._counter.work

    def _ends(self, index: int) -> Any:
        def end(module: Any, args: Any, output: Any) -> None:
            done = self._counter.work - self._start
            self.work[index] = self.work.get(index, Work()) + done
            streams = output if isinstance(output, tuple) else (output,)
            self.tokens[index] = tuple(size_of(tensor) for tensor in streams)

        return end


def size_of(tensor: torch.Tensor) -> tuple[int, str]:
    """Number of elements, and the name of the dtype."""
    return tensor.numel(), str(tensor.dtype).removeprefix("torch.")
