"""What an acceleration method is: settings that say what is computed of a model's calls.

A new method is a file with a frozen dataclass, a file in `conf/method`, a page in `docs/methods`
and a line in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pab_bench.engine.kinds import BroadcastObject
from pab_bench.engine.places import Run
from pab_bench.errors import ConfigError
from pab_bench.methods.calibration_file import Calibration
from pab_bench.methods.facts import About as About
from pab_bench.methods.facts import Facts as Facts
from pab_bench.methods.facts import Need as Need
from pab_bench.methods.search import Search
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy
    from pab_bench.engine.sites import Architecture


class Method(Protocol):
    """Settings of one acceleration method, of which all enter the identity of a point.

    Attributes:
        search: how `task=advise` searches it; None where no single key makes it stronger.
    """

    search: ClassVar[Search | None]

    @property
    def name(self) -> str:
        """As in `method=NAME`."""
        ...

    @property
    def decides_while_sampling(self) -> bool:
        """Whether it has no plan before a video is sampled."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """What it acts on: which systems can carry it is checked before anything is loaded."""
        ...

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

    def filled(self, about: About) -> Method:
        """The method with what was published for a sampling where its keys are null."""
        ...

    def check(self, about: About, problems: Problems) -> None:
        """Note what does not hold for a system, or a number of steps, calls or block pairs."""
        ...

    @property
    def calibrated(self) -> Calibration | None:
        """The calibration that its constants are from; None where they are not from one."""
        ...

    def sampled_steps(self, steps: int) -> int:
        """Denoising steps that are really made where the baseline makes `steps`."""
        ...

    def plan(self, facts: Facts) -> Plan | None:
        """The decisions of a video; None where they are made while it is sampled."""
        ...

    def policy(self, facts: Facts) -> Callable[[], Policy] | None:
        """What makes the policy of a video; None where the plan's table of sites says all."""
        ...

    def sure_calls(self, facts: Facts) -> int:
        """How many first calls compute everything, whatever comes."""
        ...

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """Further calls that do."""
        ...

    def most_left_out(self, facts: Facts) -> Run:
        """The largest run of blocks that it leaves out, where it acts on the blocks in order."""
        ...

    def replayable_calls(self, facts: Facts) -> int:
        """How many first calls its policy need not have seen: another video may give them.

        At most `sure_calls`, and fewer where what they compute is used or compared with later.
        """
        ...

    def remarks(self, gates: Sequence[Mapping[tuple[int, int], float]]) -> list[str]:
        """Say what whoever reads results must know of the numbers by which was decided.

        Args:
            gates: of every video, by lane and call; see `Policy.gates`.
        """
        ...


class Acceleration:
    """What most methods have in common: a frozen dataclass derives from it and adds its settings.

    Raise `version` whenever the same settings come to mean something else: it is part of a point's
    identity.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    decides_while_sampling: ClassVar[bool] = False
    search: ClassVar[Search | None] = None
    """How `task=advise` searches it; None where no single key makes it stronger."""

    @property
    def needs(self) -> frozenset[Need]:
        """Sites alone."""
        return frozenset({"sites"})

    @property
    def broadcast_object(self) -> BroadcastObject:
        """The output before its gate, of the sites that are kept at all."""
        return "ungated"

    def is_baseline(self) -> bool:
        """Never: without it there is `pab`, whose keys are off."""
        return False

    def identity(self, depth: int) -> dict[str, Any]:
        """Name, version and all settings."""
        own = {"name": self.name, "version": self.version, **self.settings()}
        return {"method": own, "rules": {}, "broadcast_object": self.broadcast_object}

    def settings(self) -> dict[str, Any]:
        """All that can be set, as plain JSON."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Make the method that has these `settings()`, read back from a record."""
        return cls(**settings)

    def filled(self, about: About) -> Self:
        """Itself: nothing depends on the sampling."""
        return self

    def check(self, about: About, problems: Problems) -> None:
        """Nothing depends on any of it."""

    @property
    def calibrated(self) -> Calibration | None:
        """None: nothing was calibrated."""
        return None

    def sampled_steps(self, steps: int) -> int:
        """As many as the baseline."""
        return steps

    def policy(self, facts: Facts) -> Callable[[], Policy] | None:
        """None: the plan's table of sites says all."""
        return None

    def sure_calls(self, facts: Facts) -> int:
        """None."""
        return 0

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """None."""
        return frozenset()

    def most_left_out(self, facts: Facts) -> Run:
        """All blocks."""
        return Run(0, len(facts.stack) - 1)

    def replayable_calls(self, facts: Facts) -> int:
        """None."""
        return 0

    def remarks(self, gates: Sequence[Mapping[tuple[int, int], float]]) -> list[str]:
        """Nothing."""
        return []


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


def sigmas_of(model: object, steps: int) -> tuple[float, ...]:
    """Tell the part of noise in the latents at every call, as `Facts.sigmas`.

    Empty, unless the model has a method `sigmas` that says so for a number of steps.
    """
    own = getattr(model, "sigmas", None)
    return () if own is None else tuple(own(steps))


def facts_of(method: Method, model: Sampled, steps: int, guidance: float | None = None) -> Facts:
    """Collect what a method can know of a video.

    Args:
        method: it may make fewer steps than its baseline.
        model: whose transformer is called.
        steps: denoising steps of the baseline.
        guidance: scale of classifier-free guidance, on which the calls of a step may depend; None
            where it makes no difference.

    Raises:
        ConfigError: if the method needs the blocks in order, and the model does not tell it.
    """
    # Deferred: they need torch, which settings are made without.
    from pab_bench.engine.sites import depths_of
    from pab_bench.engine.stack import stack_of, stack_sites

    architecture = model.architecture
    stack = stack_sites(stack_of(architecture)) if "stack" in method.needs else ()
    if "stack" in method.needs and not stack:
        reason = getattr(architecture, "no_stack", "the architecture does not tell them")
        name = type(architecture.transformer).__name__
        raise ConfigError(f"method={method.name}: needs the blocks of {name} in order: {reason}")
    made = method.sampled_steps(steps)
    if "modulation" in method.needs and stack_of(architecture)[0].modulate is None:
        name = type(architecture.transformer).__name__
        raise ConfigError(
            f"method={method.name}: needs the modulated input of the first self-attention of "
            f"{name}, which is not known"
        )
    lanes = getattr(model, "lanes", None)
    return Facts(
        tuple(model.timesteps(made)),
        made,
        architecture.depth,
        architecture.groups,
        depths_of(architecture),
        stack,
        1 if lanes is None or guidance is None else int(lanes(guidance)),
        transformers_called(model, made),
        sigmas_of(model, made) if "sigmas" in method.needs else (),
    )


def plan_of(method: Method, model: Sampled, steps: int, guidance: float | None = None) -> Plan:
    """Make the plan of a method for a model and a number of denoising steps.

    Methods need not know of several transformers: a site computes at the first call of each.

    Args:
        method: the method; a plan of one that decides while sampling is open.
        model: whose transformer is called.
        steps: denoising steps of the baseline.
        guidance: as of `facts_of`.
    """
    return plan_of_facts(method, facts_of(method, model, steps, guidance))


def plan_of_facts(method: Method, facts: Facts) -> Plan:
    """Make the plan of a method, of what is known of a video.

    Raises:
        ConfigError: if it acts on halves of the guidance batch, and a step takes a call for each.
    """
    from pab_bench.engine.boundaries import within_transformers
    from pab_bench.methods.tables import open_plan

    if "rows" in method.needs and facts.lanes > 1:
        raise ConfigError(
            f"method={method.name}: leaves out a half of the guidance batch, and here a step calls "
            "the transformer once for each half"
        )
    plan = method.plan(facts)
    return within_transformers(open_plan(facts) if plan is None else plan, facts.transformers)
