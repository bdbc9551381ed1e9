"""Which module and which layer in it tell that a site was visited, and that it computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import transformers_of
from pab_bench.errors import PabBenchError
from pab_bench.methods.base import plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.systems.base import Sampler, TextEmbeddings, lanes_of

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TOKENS = 3
"""Dimensions of tokens, at least; modulation has fewer."""


class NoWitness(PabBenchError):
    """A site has no layer that could tell whether it computed."""


@dataclass(frozen=True)
class WatchedSite:
    """A site in one of the model's transformers.

    Attributes:
        transformer: index of the transformer.
        group: its group.
        block: index of its block.
        module: called when the site is visited, whether or not it then computes.
        layer: the first of the module's layers that is given tokens; called when it computes.
        home: name of the list's entry that holds the site, with its transformer: sites that are
            called one after the other.
        rows: first dimension of what the layer is given where nothing is left out: both halves of
            the guidance batch where they are in one call.
    """

    transformer: int
    group: Group
    block: int
    module: nn.Module
    layer: nn.Module
    home: str
    rows: int


def watched_sites(
    sampler: Sampler, text: TextEmbeddings, noise: torch.Tensor, steps: int, guidance: float
) -> list[WatchedSite]:
    """Sample once without any acceleration, and see which layer of every site is called first.

    Args:
        sampler: the bare model.
        text: any prompt.
        noise: of any seed.
        steps: denoising steps that are made for it.
        guidance: scale of classifier-free guidance, as it will be.

    Raises:
        NoWitness: naming a site whose module calls no layer.
    """
    architecture = sampler.architecture
    plan = plan_of(PyramidAttentionBroadcast(), sampler, steps, guidance)
    look = _Look(plan)
    lanes = lanes_of(sampler, guidance)
    with Engine(architecture, plan, "ungated", lanes=lanes, probe=look):
        hook = register_module_forward_pre_hook(look.called)
        try:
            sampler.denoise(text, noise, steps, guidance, lambda step: None)
        finally:
            hook.remove()
    transformers = transformers_of(architecture)
    blocks = [block.module for block in architecture.blocks()]
    alone = _alone(look.found, blocks)
    names = {
        id(module): f"{index}:{_entry(name)}"
        for index, transformer in enumerate(transformers)
        for name, module in transformer.named_modules()
    }
    sites = []
    for (transformer, group, block), calls in look.found.items():
        chosen = _layer(calls)
        if chosen is None:
            name = type(transformers[transformer]).__name__
            raise NoWitness(
                f"{group.description} of block {block} of {name} calls no layer: what a "
                "method does to it cannot be seen"
            )
        layer, shape = chosen
        inside = [module for module, _ in calls if _holds(module, layer) and module is not layer]
        whole = [module for module in alone if _holds(module, layer)]
        module = (whole or inside or [layer])[0]
        home = names[id(layer)]
        sites.append(WatchedSite(transformer, group, block, module, layer, home, shape[0]))
    return sites


def _entry(name: str) -> str:
    """Of a module's name the part up to its number in a list.

    >>> _entry("blocks.3.attn1.to_q"), _entry("proj_out")
    ('blocks.3', 'proj_out')
    """
    parts = name.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), len(parts))
    return ".".join(parts[: number + 1])


_Calls = list[tuple[nn.Module, tuple[int, ...]]]


class _Look:
    """A probe of the engine that notes which modules a site calls, at its first call."""

    def __init__(self, plan: Plan) -> None:
        self.found: dict[tuple[int, Group, int], _Calls] = {}
        self._plan = plan
        self._transformer = 0
        self._now: _Calls | None = None

    def begin_call(self, lane: int, call: int) -> None:
        self._transformer = self._plan.transformer(call)

    def end_call(self) -> None:
        self._now = None

    def begin_site(self, group: Group, block: int, reused: bool) -> None:
        place = self._transformer, group, block
        self._now = None
        if place not in self.found:
            self._now = self.found[place] = []

    def end_site(self) -> None:
        self._now = None

    def called(self, module: nn.Module, args: tuple[object, ...]) -> None:
        if self._now is not None:
            given = next((own for own in args if isinstance(own, torch.Tensor)), None)
            self._now.append((module, () if given is None else tuple(given.shape)))


def _layer(calls: _Calls) -> tuple[nn.Module, tuple[int, ...]] | None:
    """The first layer that is given tokens; if there is none, the first that is given anything."""
    layers = [(module, shape) for module, shape in calls if isinstance(module, _LAYERS) and shape]
    tokens = [own for own in layers if len(own[1]) >= _TOKENS]
    return next(iter([*tokens, *layers]), None)


def _alone(
    found: dict[tuple[int, Group, int], _Calls], blocks: Sequence[nn.Module]
) -> list[nn.Module]:
    """Blocks that are a single site: they are called when it is visited."""
    layers = [chosen[0] for calls in found.values() if (chosen := _layer(calls)) is not None]
    held = {id(block): 0 for block in blocks}
    for block in blocks:
        own = {id(module) for module in block.modules()}
        held[id(block)] = sum(id(layer) in own for layer in layers)
    return [block for block in blocks if held[id(block)] == 1]


def _holds(module: nn.Module, layer: nn.Module) -> bool:
    return any(own is layer for own in module.modules())
