"""What one denoising step of a model does and keeps, from its configurations or its weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.estimate import text_tokens
from pab_bench.cost.step import step_of
from pab_bench.cost.work import total
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, depths_of, transformers_of
from pab_bench.experiment.session import open_session
from pab_bench.methods.base import transformers_called
from pab_bench.speed.captured import Captured, Scene
from pab_bench.systems.base import lanes_of
from pab_bench.systems.blueprint import Blueprint

KnownFrom = Literal["configurations", "weights"]


@dataclass(frozen=True)
class StepFacts:
    """A model, and one denoising step of it in which everything computes and is kept.

    Attributes:
        known_from: where all this is known from.
        architecture: the transformer and its sites.
        parameters: of the transformer.
        timesteps: at every call of the plan.
        transformers: which of several is called there; empty if there is one.
        lanes: calls of the transformer in a step.
        kept_bytes: per group, of all lanes, as `cache` says how they are kept.
        flops: per group, of all lanes, two for a multiply-add; nothing where it is not known.
        flops_rest: outside of all sites.
        text_tokens: of the longest prompt, or of one as long as may be.
    """

    known_from: KnownFrom
    architecture: Architecture
    parameters: int
    timesteps: tuple[int, ...]
    transformers: tuple[int, ...]
    lanes: int
    kept_bytes: Mapping[Group, int]
    flops: Mapping[Group, int] = field(default_factory=dict)
    flops_rest: int | None = None
    text_tokens: int | None = None

    @property
    def flops_step(self) -> int | None:
        """Of a step."""
        rest = self.flops_rest
        return None if rest is None else rest + sum(self.flops.values())


def from_blueprint(settings: Settings, blueprint: Blueprint) -> StepFacts:
    """Count a step of networks without numbers.

    Raises:
        ConfigError: if the scheduler's timesteps are not known.
    """
    convention = get_convention(DEFAULT)
    tokens, _ = text_tokens(blueprint, convention, settings.prompts, settings.method.name)
    step = step_of(settings, tokens)
    architecture = blueprint.architecture

    def flops(group: Group) -> int:
        works = (convention.count(work.of(group), blueprint.system, group.kind) for work in step)
        return sum(works)

    def kept(group: Group) -> int:
        tensors = (own for work in step for site in work.sites[group] for own in site.kept)
        return sum(settings.cache.bytes_of(*own) for own in tensors)

    return StepFacts(
        "configurations",
        architecture,
        sum(p.numel() for own in transformers_of(architecture) for p in own.parameters()),
        blueprint.timesteps(settings.steps),
        transformers_called(blueprint, settings.steps),
        len(step),
        {group: kept(group) for group in architecture.groups},
        {group: flops(group) for group in architecture.groups},
        convention.count(total(work.rest for work in step), blueprint.system),
        tokens,
    )


def from_model(settings: Settings) -> StepFacts:
    """Load the model, and call its transformer for one step.

    Raises:
        ConfigError: if its files are not where the settings say.
    """
    session = open_session(settings)
    sampler = session.sampler
    text, _ = session.encode(settings.prompts[0])
    scene = Scene(sampler, text, sampler.noise(settings.seeds[0]), settings.guidance)
    calls = scene.capture(settings.steps)
    return StepFacts(
        "weights",
        sampler.architecture,
        sampler.parameters,
        sampler.timesteps(settings.steps),
        transformers_called(sampler, settings.steps),
        lanes_of(sampler, settings.guidance),
        _held(sampler.architecture, calls, settings),
    )


def _held(architecture: Architecture, calls: Any, settings: Settings) -> Mapping[Group, int]:
    first: Captured = calls[0]
    timestep = architecture.timestep(first.args, first.kwargs) or 0
    source = {
        group: np.array([np.zeros(blocks), np.zeros(blocks)], dtype=np.int64)
        for group, blocks in depths_of(architecture).items()
    }
    called = (first.transformer, first.transformer)
    plan = Plan((timestep, timestep), architecture.depth, source, called)
    kept = settings.method.broadcast_object
    with Engine(architecture, plan, kept, lanes=len(calls), cache=settings.cache) as engine:
        with torch.no_grad():
            for call in calls:
                transformers_of(architecture)[call.transformer](*call.args, **call.kwargs)
        held: dict[Group, int] = defaultdict(int)
        for (group, _, _, _), tensors in engine.cache.sizes().items():
            held[group] += sum(settings.cache.bytes_of(*tensor) for tensor in tensors)
    return held
