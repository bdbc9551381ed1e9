"""In which order a transformer calls its blocks, and what goes from each to the next.

By observation: what one block gives back is, the very same tensors, what the next one is given.
Where something is done to them in between, as in models that attend to space and time in turns, a
run of blocks cannot be left out without knowing what, and the order is not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.engine.places import Site
from pab_bench.engine.stack import StackBlock
from pab_bench.systems.diffusers.modules import block_lists
from pab_bench.systems.diffusers.watching import arguments

VIDEO = "hidden_states"
"""What diffusers calls the stream of the video's tokens."""


@dataclass(frozen=True)
class Called:
    """One call of a block.

    Attributes:
        name: of the block, `LIST.INDEX`.
        given: the tensors that it was given, by name.
        gave: the tensors that it gave back.
    """

    name: str
    given: Mapping[str, torch.Tensor]
    gave: tuple[torch.Tensor, ...]


class BlockOrder:
    """A context in which the blocks of the first call of a transformer are noted.

    Args:
        transformers: alike in all but their numbers.

    Attributes:
        reason: why the order is not told; empty where it is.
    """

    def __init__(self, transformers: Sequence[nn.Module]) -> None:
        self._transformers = transformers
        self._calls = 0
        self._noted: list[Called] = []
        self._hooks: list[RemovableHandle] = []
        self._streams: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
        self.reason = "no block was called"

    def __enter__(self) -> Self:
        """Attach."""
        for transformer in self._transformers:
            self._hooks.append(transformer.register_forward_pre_hook(self._began))
            for name, block in _blocks(transformer).items():
                self._hooks.append(block.register_forward_hook(self._note(name), with_kwargs=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Detach, and find out what was seen."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if error is None and self._noted:
            self.reason = self._look()
        self._noted.clear()

    def _began(self, module: nn.Module, args: Any) -> None:
        self._calls += 1

    def _note(self, name: str) -> Any:
        def note(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            if self._calls != 1:
                return
            given = {
                key: value
                for key, value in arguments(module, args, kwargs).items()
                if isinstance(value, torch.Tensor)
            }
            gave = result if isinstance(result, tuple) else (result,)
            self._noted.append(Called(name, given, gave))

        return note

    def _look(self) -> str:
        names = [called.name for called in self._noted]
        if len(set(names)) < len(names) or set(names) != set(_blocks(self._transformers[0])):
            return "not every block is called once"
        streams: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
        for called, following in pairwise(self._noted):
            found = _handed_on(called, following)
            if found is None:
                return f"what {called.name} gives back is changed before {following.name}"
            streams[following.name] = found
        first, *others = streams.values() or [((VIDEO,), (0,))]
        if any(other != first for other in others):
            return "blocks hand on different streams of tokens"
        self._streams = dict.fromkeys(names, first)
        return ""

    def stack(
        self, transformer: nn.Module, sites: Sequence[tuple[str, Site]]
    ) -> tuple[StackBlock, ...]:
        """List the blocks of a transformer in order; none where the order is not told.

        Args:
            transformer: one of those that were watched.
            sites: its sites, with the names of their modules.
        """
        blocks = _blocks(transformer)
        return tuple(
            StackBlock(
                blocks[name],
                index,
                tuple(site for module, site in sites if module.startswith(f"{name}.")),
                takes,
                gives=gives,
            )
            for index, (name, (takes, gives)) in enumerate(self._streams.items())
        )


def _handed_on(called: Called, following: Called) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Names of the streams, the video's first, and the place of each; None if they are changed."""
    names = []
    for tensor in called.gave:
        same = [name for name, given in following.given.items() if given is tensor]
        if len(same) != 1:
            return None
        names.append(same[0])
    if VIDEO not in names:
        return None
    order = sorted(range(len(names)), key=lambda place: names[place] != VIDEO)
    return tuple(names[place] for place in order), tuple(order)


def _blocks(transformer: nn.Module) -> dict[str, nn.Module]:
    return {
        f"{name}.{index}": block
        for name, blocks in block_lists(transformer).items()
        for index, block in enumerate(blocks)
    }
