"""What an acceleration method is: settings that make a plan of a model's calls.

A new method is a file with a frozen dataclass, a file in `conf/method` and a line in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pab_bench.engine.kinds import BroadcastObject, Group

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.sites import Architecture


@dataclass(frozen=True)
class Facts:
    """What is known of a sampling before it begins.

    Attributes:
        timesteps: the scheduler's value at every call of the transformer, in order; several calls
            may have the same.
        steps: denoising steps, which may be fewer than calls.
        depth: number of transformer block pairs.
        groups: the groups of sites that the model has.
        depths: number of blocks of groups that have fewer than `depth`.
    """

    timesteps: tuple[float, ...]
    steps: int
    depth: int
    groups: tuple[Group, ...]
    depths: Mapping[Group, int] = field(default_factory=dict)


class Method(Protocol):
    """Settings of one acceleration method, of which all enter the identity of a point.

    Attributes:
        name: as in `method=NAME`.
    """

    name: ClassVar[str]

    @property
    def broadcast_object(self) -> BroadcastObject:
        """Which tensor of a site is kept."""
        ...

    def is_baseline(self) -> bool:
        """Whether it is switched off; a method that happens to reuse nothing is not."""
        ...

    def identity(self, depth: int) -> dict[str, Any]:
        """Its part of a point's identity, as plain JSON, for a model of `depth` block pairs."""
        ...

    def plan(self, facts: Facts) -> Plan:
        """The decisions of a video."""
        ...


class Sampled(Protocol):
    """Whatever knows a model's sites and timesteps: a loaded sampler, or a blueprint of one."""

    @property
    def architecture(self) -> Architecture:
        """The transformer, as the engine sees it."""
        ...

    def timesteps(self, steps: int) -> Sequence[float]:
        """The timestep at every call of the transformer."""
        ...


def transformers_called(model: Sampled, steps: int) -> tuple[int, ...]:
    """Tell which of a model's transformers is called at every call, as `Plan.transformers`.

    Empty, unless the model has a method `transformers_called` that says so for a number of steps.
    """
    own = getattr(model, "transformers_called", None)
    return () if own is None else tuple(own(steps))


def plan_of(method: Method, model: Sampled, steps: int) -> Plan:
    """Make the plan of a method for a model and a number of denoising steps.

    Methods need not know of several transformers: a site computes at the first call of each.
    """
    # Deferred: they need numpy and torch, which settings are made without.
    from pab_bench.engine.boundaries import within_transformers
    from pab_bench.engine.sites import depths_of

    architecture = model.architecture
    depths = depths_of(architecture)
    times = tuple(model.timesteps(steps))
    plan = method.plan(Facts(times, steps, architecture.depth, architecture.groups, depths))
    return within_transformers(plan, transformers_called(model, steps))
