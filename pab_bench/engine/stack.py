"""The blocks of a transformer in the order in which they change the tokens, and runs of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pab_bench.engine.ledger import Ledger
from pab_bench.engine.memory import Origin
from pab_bench.engine.places import At, Entrance, Run, Site, Tensors
from pab_bench.engine.policy import Policy


@dataclass(frozen=True)
class StackBlock:
    """One block of the stack.

    Attributes:
        module: the block.
        index: of the block or, where spatial and temporal blocks take turns, of their pair.
        sites: what is within it.
        takes: names of the arguments that are streams of tokens, the video's first.
        layout: a word for how the tokens lie; where neighbours have different ones, the first two
            axes, (batch * a, b), become (batch * b, a).
        gives: of every stream, in the order of `takes`, its place among what the block gives back;
            empty where that is the same order.
        modulate: called as the block is, computes what its self-attention is given of the video:
            normalised, scaled and shifted. None where the architecture does not tell it.
    """

    module: nn.Module
    index: int
    sites: tuple[Site, ...]
    takes: tuple[str, ...] = ("hidden_states",)
    layout: str = ""
    gives: tuple[int, ...] = ()
    modulate: Callable[..., torch.Tensor] | None = None


def stack_of(architecture: Any) -> tuple[StackBlock, ...]:
    """List the blocks of an architecture in order: its `stack()`; none where it has no such method.

    Of several transformers it has the blocks of each, one after the other.
    """
    own = getattr(architecture, "stack", None)
    return () if own is None else tuple(own())


def stack_sites(stack: Sequence[StackBlock]) -> tuple[tuple[Site, ...], ...]:
    """Per index of the stack the sites of its blocks."""
    depth = 1 + max((block.index for block in stack), default=-1)
    sites: list[dict[Site, None]] = [{} for _ in range(depth)]
    for block in stack:
        sites[block.index].update(dict.fromkeys(block.sites))
    return tuple(map(tuple, sites))


def swapped(tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Lay tokens out as their neighbours' are: (batch * a, b, width) becomes (batch * b, a, width).

    Args:
        tokens: to be laid out.
        like: tokens in that layout.
    """
    inner = like.shape[1]
    return tokens.unflatten(0, (-1, inner)).transpose(1, 2).flatten(0, 1)


class StackRunner:
    """Stands around every block of one transformer's stack and leaves out what a policy says.

    Args:
        blocks: of one transformer, in order.
        policy: gives the policy of the current video.
        ledger: gives its ledger.
        supply: lets the policy give an output; see `PolicyRunner.supply`.
    """

    def __init__(
        self,
        blocks: Sequence[StackBlock],
        policy: Callable[[], Policy],
        ledger: Callable[[], Ledger],
        supply: Callable[[Callable[[], Tensors]], tuple[Tensors, set[Origin] | None]],
    ) -> None:
        self._blocks = blocks
        self._policy, self._ledger, self._supply = policy, ledger, supply
        indices = [block.index for block in blocks]
        self._first = {index: indices.index(index) for index in indices}
        self._last = {index: len(blocks) - 1 - indices[::-1].index(index) for index in indices}
        self._named = [_positions(block) for block in blocks]
        self._left_out = False

    def begin_call(self, at: At) -> None:
        """The transformer is about to be called."""
        self._at = at
        self._run: Run | None = self._policy().run(at)
        self._begins = self._ends = -1
        if self._run is not None:
            self._begins, self._ends = self._first[self._run.first], self._last[self._run.last]
        self._left_out = False

    def around(self, position: int, own: Callable[..., Any]) -> Callable[..., Any]:
        """What takes the place of the forward of the block at `position`.

        Args:
            position: in the stack.
            own: computes the block.
        """

        def forward(*args: Any, **kwargs: Any) -> Any:
            tokens = self._tokens(position, args, kwargs)
            if position == 0:
                self._start = tokens
            if not self._begins <= position <= self._ends:
                return own(*args, **kwargs)
            if position == self._begins:
                self._enter(position, tokens, args, kwargs)
            if self._left_out:
                if position < self._ends:
                    return self._given_back(position, tokens)
                return self._leave_out(position, tokens)
            result = own(*args, **kwargs)
            if position == self._ends:
                self._computed(position, result)
            return result

        return forward

    def _enter(
        self, position: int, tokens: Tensors, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        assert self._run is not None
        block = self._blocks[position]
        self._entrance = Entrance(
            self._run, tokens, self._start, block.module, args, kwargs, block.modulate
        )
        self._left_out = self._policy().leaves_out(self._at, self._entrance)

    def _leave_out(self, position: int, tokens: Tensors) -> Any:
        given, origins = self._supply(lambda: self._policy().run_output(self._at, self._entrance))
        if self._differs(position):
            given = tuple(swapped(own, like) for own, like in zip(given, tokens, strict=True))
        ledger = self._ledger()
        for block in self._blocks[self._begins : self._ends + 1]:
            for group, index in block.sites:
                ledger.skipped(group, self._at.lane, self._at.call, index)
                if origins is not None:
                    ledger.supplied(group, self._at.lane, self._at.call, index, origins)
        return self._given_back(position, given)

    def _computed(self, position: int, result: Any) -> None:
        tokens = result if isinstance(result, tuple) else (result,)
        gives = self._blocks[position].gives
        tokens = tuple(tokens[place] for place in gives) if gives else tokens
        if self._differs(position):
            entered = self._entrance.tokens
            tokens = tuple(swapped(own, like) for own, like in zip(tokens, entered, strict=True))
        self._policy().run_ended(self._at, self._entrance, tokens)

    def _given_back(self, position: int, tokens: Tensors) -> Any:
        """What the block at a position returns."""
        gives = self._blocks[position].gives or tuple(range(len(tokens)))
        ordered = tuple(tokens[gives.index(place)] for place in range(len(tokens)))
        return ordered if len(ordered) > 1 else ordered[0]

    def _differs(self, position: int) -> bool:
        return self._blocks[position].layout != self._blocks[self._begins].layout

    def _tokens(self, position: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensors:
        return tuple(
            kwargs[name] if name in kwargs else args[place] for name, place in self._named[position]
        )


def _positions(block: StackBlock) -> tuple[tuple[str, int], ...]:
    """Name and place of the arguments that are streams of tokens."""
    names = list(inspect.signature(type(block.module).forward).parameters)[1:]
    return tuple((name, names.index(name)) for name in block.takes)
