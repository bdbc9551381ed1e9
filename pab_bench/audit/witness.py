"""Counts what the modules of a transformer really compute, whoever decides it.

Hooks of PyTorch alone, in front of modules: nothing is replaced, so that whatever else is attached
to the model runs as it would without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.audit.sites import WatchedSite
from pab_bench.engine.engine import PlanMismatch
from pab_bench.engine.kinds import Group
from pab_bench.engine.ledger import Ledger
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, transformers_of

_HALF = 0.75
"""Of a guidance batch: a site that computed less of it has computed one half."""


@dataclass(frozen=True)
class Seen:
    """What the modules did in one video.

    Attributes:
        computed: per group (lanes, calls, blocks): how much of its full batch a site computed: 1
            all of it, 0.5 one half of the guidance batch, 0 nothing, 2 all of it twice.
        visited: per group (lanes, calls, blocks): whether what is around the site was computed: its
            module was called, whether or not it computed, or another site beside it did.
        told: at every call of the transformer what the acceleration was told of the timestep; None
            where it does not ask.
        timesteps: at every call what the transformer was given, in units of its own.
    """

    computed: Mapping[Group, npt.NDArray[np.float64]]
    visited: Mapping[Group, npt.NDArray[np.bool_]]
    told: tuple[float | None, ...]
    timesteps: tuple[float | None, ...]

    def calls(self, lane: int = 0) -> str:
        """What was computed at every call of a lane, a sign each.

        2 stands for all sites, 1 for all with one half of the guidance batch, `+` for some sites
        and 0 for none.
        """
        return "".join(map(_digit, zip(*(t[lane] for t in self.computed.values()), strict=True)))

    def decisions(self, lane: int) -> list[bytes]:
        """Of every call of a lane, everything that was decided in it, as something to compare."""
        tables = [table[lane] for table in self.computed.values()]
        return [b"".join(t[call].tobytes() for t in tables) for call in range(len(tables[0]))]


def _digit(sites: tuple[npt.NDArray[np.float64], ...]) -> str:
    values = np.concatenate(sites)
    most = float(values.max())
    if most == 0:
        return "0"
    if float(values.min()) == 0:
        return "+"
    return "1" if most < _HALF else "2"


class Witness:
    """A context in which one video is watched.

    It offers what an `Engine` does that carries out a plan, so that videos of both are kept alike.

    Args:
        architecture: of the model.
        sites: its sites, as they were found on the bare model.
        plan: an open one: calls and timesteps.
        lanes: calls of the transformer in a denoising step.
        asks: what the acceleration is told of the timestep now; None where it does not ask.
    """

    peak_cache_bytes = None
    """Not known: what others keep lies where they want."""

    def __init__(
        self,
        architecture: Architecture,
        sites: Sequence[WatchedSite],
        plan: Plan,
        lanes: int,
        asks: Callable[[nn.Module], float | None] = lambda transformer: None,
    ) -> None:
        self._architecture, self._sites = architecture, sites
        self._plan, self._lanes, self._asks = plan, lanes, asks
        self._transformers = transformers_of(architecture)
        self._hooks: list[RemovableHandle] = []
        self._done = 0
        self._lane = self._call = 0
        self._told: list[float | None] = []
        self._timesteps: list[float | None] = []
        shapes = {g: (lanes, *table.shape) for g, table in plan.source.items()}
        self._rows = {g: np.zeros(shape, dtype=np.int64) for g, shape in shapes.items()}
        self._full = {g: np.ones(shape, dtype=np.int64) for g, shape in shapes.items()}
        self._visited = {g: np.zeros(shape, dtype=np.bool_) for g, shape in shapes.items()}

    def __enter__(self) -> Self:
        """Attach, before all hooks that are there already."""
        for transformer in self._transformers:
            self._hooks.append(
                transformer.register_forward_pre_hook(
                    self._begin_call, with_kwargs=True, prepend=True
                )
            )
        for site in self._sites:
            self._hooks.append(site.module.register_forward_pre_hook(self._visit(site)))
            self._hooks.append(
                site.layer.register_forward_pre_hook(self._compute(site), with_kwargs=True)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Detach."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    @property
    def complete(self) -> bool:
        """Whether all calls of the video were made."""
        return self._done == self._plan.calls * self._lanes

    @property
    def seen(self) -> Seen:
        """What happened up to now."""
        computed = {group: self._rows[group] / self._full[group] for group in self._rows}
        visited = {group: table.copy() for group, table in self._visited.items()}
        homes: dict[str, list[WatchedSite]] = defaultdict(list)
        for site in self._sites:
            homes[site.home].append(site)
        for sites in homes.values():
            some = np.any([computed[s.group][:, :, s.block] > 0 for s in sites], axis=0)
            for site in sites:
                visited[site.group][:, :, site.block] |= some
        return Seen(computed, visited, tuple(self._told), tuple(self._timesteps))

    @property
    def ledger(self) -> Ledger:
        """The same as an engine's: a site that was not even visited was skipped."""
        ledger, seen = Ledger(self._plan, self._lanes), self.seen
        halves = self._may_be_half()
        for lane, call in np.ndindex(self._lanes, self._plan.calls):
            shares = [table[lane, call] for table in seen.computed.values()]
            some = np.concatenate([share[share > 0] for share in shares])
            half = halves and some.size and float(some.max()) < _HALF
            ledger.rows[lane, call] = 1 if half else 2
            for group, table in seen.computed.items():
                for block, share in enumerate(table[lane, call]):
                    if share > 0:
                        ledger.computed(group, lane, call, block)
                    elif seen.visited[group][lane, call, block]:
                        ledger.reused(group, lane, call, block)
                    else:
                        ledger.skipped(group, lane, call, block)
        return ledger

    @property
    def gates(self) -> Mapping[tuple[int, int], float]:
        """None: what others decide by is theirs."""
        return {}

    def _may_be_half(self) -> bool:
        return self._lanes == 1 and all(site.rows % 2 == 0 for site in self._sites)

    def _begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        if self.complete:
            raise PlanMismatch(
                f"the transformer is called more often than {self._plan.calls * self._lanes} "
                "times in a video, as the bare pipeline does"
            )
        self._call, self._lane = divmod(self._done, self._lanes)
        expected = self._plan.timesteps[self._call]
        timestep = self._architecture.timestep(args, kwargs)
        if timestep not in (expected, None):
            raise PlanMismatch(
                f"call {self._call} of the transformer has timestep {timestep}, the bare "
                f"pipeline has {expected}: the acceleration has changed which calls are made"
            )
        self._done += 1
        self._told.append(self._asks(module))
        self._timesteps.append(_timestep(kwargs))

    def _visit(self, site: WatchedSite) -> Callable[[nn.Module, Any], None]:
        table = self._visited[site.group]

        def visited(module: nn.Module, args: Any) -> None:
            table[self._lane, self._call, site.block] = True

        return visited

    def _compute(self, site: WatchedSite) -> Callable[[nn.Module, Any, Mapping[str, Any]], None]:
        rows, full = self._rows[site.group], self._full[site.group]

        def computes(module: nn.Module, args: Any, kwargs: Mapping[str, Any]) -> None:
            given = next(v for v in (*args, *kwargs.values()) if isinstance(v, torch.Tensor))
            place = self._lane, self._call, site.block
            rows[place] += given.shape[0]
            full[place] = site.rows

        return computes


def _timestep(kwargs: Mapping[str, Any]) -> float | None:
    """What a transformer is given, where it has the name that it has in all of diffusers."""
    value = kwargs.get("timestep")
    if isinstance(value, torch.Tensor) and value.numel():
        return float(value.flatten()[0])
    return float(value) if isinstance(value, int | float) else None
