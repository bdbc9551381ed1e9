"""From what was seen of a transformer's modules to sites, and to what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from pab_bench.engine.kinds import Branch, Group, Kind
from pab_bench.systems.diffusers.modules import Candidate
from pab_bench.systems.diffusers.watching import Visited

_TEXT = ("context", "text", "txt", "encoder")
NO_LIST = "is in no list of blocks"
"""Why a module is no site that stands outside of the blocks."""


@dataclass(frozen=True)
class Site:
    """A module that is a site.

    Attributes:
        module: the module.
        name: within the transformer.
        group: its group.
        index: its index among the sites of its group, in the order of their blocks.
    """

    module: nn.Module
    name: str
    group: Group
    index: int


@dataclass(frozen=True)
class Discovered:
    """The attention and MLP modules of a transformer.

    Attributes:
        sites: those that are sites.
        left_out: by name why each of the others is none.
    """

    sites: tuple[Site, ...]
    left_out: Mapping[str, str]


def discover(
    found: Sequence[Candidate], visits: Mapping[str, Sequence[Visited]], lanes: int
) -> Discovered:
    """Sort candidates into sites and others.

    Args:
        found: the candidates, in order.
        visits: of each, what was noted during one denoising step.
        lanes: calls of the transformer in that step.
    """
    left_out: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    for own in found:
        kind, reason = _judge(own, visits.get(own.name, ()), lanes)
        if kind is None:
            left_out[own.name] = reason
        else:
            kinds[own.name] = kind
    usable = [own for own in found if own.name in kinds]
    branches = _branches(usable, kinds)
    counts: dict[Group, int] = {}
    sites = []
    for own in usable:
        group = Group(kinds[own.name], branches[own.blocks, own.local, kinds[own.name]])
        sites.append(Site(own.module, own.name, group, counts.get(group, 0)))
        counts[group] = counts.get(group, 0) + 1
    return Discovered(tuple(sites), left_out)


def _judge(own: Candidate, visits: Sequence[Visited], lanes: int) -> tuple[Kind | None, str]:
    if own.blocks is None:
        return None, NO_LIST
    if not visits:
        return None, "is never called as a module"
    reasons = [visit.reason for visit in visits if visit.kind is None]
    if reasons:
        return None, reasons[0]
    if sorted(visit.lane for visit in visits) != list(range(lanes)):
        called = [sum(visit.lane == lane for visit in visits) for lane in range(lanes)]
        return None, f"is called {', '.join(map(str, called))} times in the calls of a step"
    kinds = {visit.kind for visit in visits}
    if len(kinds) > 1:
        return None, f"is {' and '.join(sorted(map(str, kinds)))} in the calls of a step"
    return visits[0].kind, ""


def _branches(
    found: Iterable[Candidate], kinds: Mapping[str, Kind]
) -> Mapping[tuple[str | None, str, Kind], Branch]:
    """A word for each place in the blocks of a list; different ones of a kind have different words.

    The first place of a kind in the main list is `spatial`, as in the models that have names here.
    """
    words: dict[tuple[str | None, str, Kind], Branch] = {}
    of_list: dict[str, str] = {}
    for own in found:
        kind = kinds[own.name]
        place = own.blocks, own.local, kind
        if place in words or own.blocks is None:
            continue
        if own.blocks not in of_list:
            of_list[own.blocks] = _unused(_list_word(own.blocks), own.blocks, of_list.values())
        blocks = of_list[own.blocks]
        others = any(list_ == own.blocks and k == kind for list_, _, k in words)
        word = blocks
        if others:
            local = _local_word(own.local)
            word = local if blocks == "spatial" else f"{blocks}_{local}"
        taken = [branch for (_, _, k), branch in words.items() if k == kind]
        words[place] = _unused(word, f"{own.blocks}_{own.local}".replace(".", "_"), taken)
    return words


def _unused(word: str, otherwise: str, taken: Iterable[str]) -> str:
    return otherwise if word in taken else word


def _list_word(name: str) -> str:
    return next((word for word in ("temporal", "single", "text") if word in name), "spatial")


def _local_word(name: str) -> str:
    if any(part in name for part in _TEXT):
        return "text"
    return "audio" if "audio" in name else name.replace(".", "_")
