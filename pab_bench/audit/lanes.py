"""Whether one half of the guidance depends on the other, by moving what one is given a little.

A video is sampled again with the transformer's inputs as they were, call by call, except for one
half, which is moved. What the other half gives must stay the same, bit by bit: as long as the
same decisions are made, nothing of the one half has any business in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pab_bench.audit.findings import Finding
from pab_bench.audit.scene import AuditScene, Input, Watched
from pab_bench.audit.witness import Seen
from pab_bench.engine.sites import transformers_of
from pab_bench.engine.whole_calls import value_of

MOVED = 1e-3
"""By this share of its standard deviation: little, so that what decides by size decides alike."""
_SAME_BATCH = 0.75

Move = Callable[[int, torch.Tensor], torch.Tensor]
"""(index of a call among all, what the transformer is given first) to what it is given instead."""


@dataclass
class Recorded:
    """Inputs and outputs of a transformer, call by call.

    Attributes:
        given: (positional arguments, arguments by name).
        outputs: what it predicted.
    """

    given: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)


@contextmanager
def recording(transformers: Sequence[nn.Module]) -> Iterator[Recorded]:
    """Record every call of a pipeline's transformers."""
    found = Recorded()
    copies: dict[int, tuple[Any, int, torch.Tensor]] = {}

    def begins(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.given.append((_copied(args, copies), _copied(kwargs, copies)))

    def ended(module: nn.Module, args: Any, output: Any) -> None:
        found.outputs.append(value_of(output).detach().clone())

    with _hooked(transformers, begins, ended):
        yield found


@contextmanager
def repeating(
    transformers: Sequence[nn.Module], recorded: Recorded, move: Move
) -> Iterator[list[torch.Tensor]]:
    """Give the transformers what they were given before, but for what is moved.

    Yields:
        Receives what they predict.
    """
    outputs: list[torch.Tensor] = []
    calls = iter(range(len(recorded.given)))

    def begins(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        call = next(calls)
        return _moved(*recorded.given[call], lambda own: move(call, own))

    def ended(module: nn.Module, args: Any, output: Any) -> None:
        outputs.append(value_of(output).detach().clone())

    with _hooked(transformers, begins, ended):
        yield outputs


@contextmanager
def _hooked(transformers: Sequence[nn.Module], begins: Any, ended: Any) -> Iterator[None]:
    hooks = [t.register_forward_pre_hook(begins, with_kwargs=True) for t in transformers]
    hooks += [t.register_forward_hook(ended) for t in transformers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _copied(value: Any, copies: dict[int, tuple[Any, int, torch.Tensor]]) -> Any:
    """Tensors as they are now; one that has not changed since is copied once."""
    if isinstance(value, torch.Tensor):
        known = copies.get(id(value))
        if known is None or known[0] is not value or known[1] != value._version:
            copies[id(value)] = known = value, value._version, value.detach().clone()
        return known[2]
    if isinstance(value, Mapping):
        return {key: _copied(own, copies) for key, own in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_copied(own, copies) for own in value)
    return value


def _moved(
    args: tuple[Any, ...], kwargs: dict[str, Any], move: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same arguments with the latents moved: the first tensor, or what is called so."""
    if args and isinstance(args[0], torch.Tensor):
        return (move(args[0]), *args[1:]), kwargs
    name = "hidden_states" if "hidden_states" in kwargs else next(
        key for key, own in kwargs.items() if isinstance(own, torch.Tensor)
    )  # fmt: skip
    return args, {**kwargs, name: move(kwargs[name])}


def _little(x: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(x.shape, generator=generator).to(x)
    return x + MOVED * x.std() * noise


def mixed_lanes(scene: AuditScene, given: Input) -> Iterator[Finding]:
    """Move each half in turn and see whether the other one stays.

    Args:
        scene: the model; nothing may be enabled.
        given: a video.
    """
    transformers = transformers_of(scene.sampler.architecture)
    with scene.enabled(), recording(transformers) as recorded:
        first = scene.sample(given)
    if scene.lanes == 1 and not _has_halves(recorded, scene):
        return
    for moved in (0, 1):
        move = _move(scene.lanes, moved)
        with scene.enabled(), repeating(transformers, recorded, move) as outputs:
            second = scene.sample(given)
        yield from _compare(scene.lanes, moved, recorded.outputs, outputs, first, second)


def _has_halves(recorded: Recorded, scene: AuditScene) -> bool:
    """Whether both halves of the guidance are in one call."""
    return scene.guidance > 1 and all(len(output) % 2 == 0 for output in recorded.outputs)


def _move(lanes: int, moved: int) -> Move:
    def of_lane(call: int, x: torch.Tensor) -> torch.Tensor:
        return _little(x) if call % lanes == moved else x

    def of_half(call: int, x: torch.Tensor) -> torch.Tensor:
        halves = list(x.chunk(2))
        halves[moved] = _little(halves[moved])
        return torch.cat(halves)

    return of_half if lanes == 1 else of_lane


def _compare(
    lanes: int,
    moved: int,
    before: Sequence[torch.Tensor],
    after: Sequence[torch.Tensor],
    first: Watched,
    second: Watched,
) -> Iterator[Finding]:
    kept = 1 - moved
    far: dict[int, float] = {}
    looked = 0
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        call, lane = divmod(index, lanes)
        if lanes > 1 and lane != kept:
            continue
        if not _decided_alike(first.seen, second.seen, call):
            break
        if lanes == 1:
            if not _is_whole(first.seen, call):
                continue  # A half that is left out is made of the other one, by intention.
            one, other = one.chunk(2)[kept], other.chunk(2)[kept]
        looked += 1
        if not torch.equal(one, other):
            far[call] = float((other - one).norm() / one.norm())
    if far:
        what = "call" if lanes > 1 else "half"
        call, most = max(far.items(), key=lambda item: item[1])
        yield Finding(
            "lanes_mixed",
            f"with what {what} {moved} of a step is given moved by {MOVED:g} of its spread, and "
            f"all else the same, {what} {kept} gives something else at {len(far)} of {looked} "
            f"steps, first at step {min(far)}, most at step {call} (relative L2 {most:.2g})",
        )


def _decided_alike(one: Seen, other: Seen, call: int) -> bool:
    """Whether up to a call the same was decided in all lanes."""
    lanes = range(next(iter(one.computed.values())).shape[0])
    return all(
        one.decisions(lane)[: call + 1] == other.decisions(lane)[: call + 1] for lane in lanes
    )


def _is_whole(seen: Seen, call: int) -> bool:
    """Whether whatever was computed in a call was computed for both halves."""
    shares = [table[0, call] for table in seen.computed.values()]
    return not any(((share > 0) & (share < _SAME_BATCH)).any() for share in shares)
