"""What a method is attached to: a transformer, and who knows at which timesteps it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.systems.registry import architecture_of


@dataclass(frozen=True)
class Timetable:
    """At which timesteps a video calls the transformer.

    Attributes:
        timesteps: of every call, as the architecture reads them off its arguments.
        steps: denoising steps; there may be more calls.
    """

    timesteps: tuple[int, ...]
    steps: int


class Clock(Protocol):
    """Knows the timesteps of the video that is about to begin."""

    def source(self) -> object:
        """The list as its owner keeps it; another object = the list was set anew."""
        ...

    def read(self, architecture: Architecture) -> Timetable:
        """The list as it is now.

        Raises:
            ConfigError: if there is none.
        """
        ...


@dataclass(frozen=True)
class Target:
    """A transformer that a method can be attached to.

    Attributes:
        architecture: the transformer, as the engine sees it.
        clock: knows its timesteps.
    """

    architecture: Architecture
    clock: Clock

    @property
    def transformer(self) -> nn.Module:
        """The transformer."""
        return self.architecture.transformer


def target_of(
    pipe_or_transformer: Any,
    timesteps: Sequence[float] | torch.Tensor | None,
    steps: int | None,
) -> Target:
    """Find the transformer and its timesteps.

    Args:
        pipe_or_transformer: a diffusers pipeline, or its transformer.
        timesteps: of every call, for a transformer without its pipeline.
        steps: denoising steps, likewise; None = as many as timesteps.

    Raises:
        ConfigError: if it is neither, its class is not known, its calls do not tell their
            timestep, it has two transformers, its own cache is on, or timesteps are missing or too
            much.
    """
    if isinstance(pipe_or_transformer, nn.Module):
        transformer: nn.Module = pipe_or_transformer
        clock: Clock = _Given(_checked(timesteps, steps), steps)
    else:
        transformer = _transformer_of(pipe_or_transformer)
        if timesteps is not None or steps is not None:
            raise ConfigError(
                "timesteps, steps: the pipeline's scheduler knows them; leave them out, or pass "
                "pipe.transformer instead of pipe"
            )
        clock = _Scheduled(pipe_or_transformer)
    if getattr(transformer, "is_cache_enabled", False):
        raise ConfigError(
            f"{type(transformer).__name__}: diffusers' own cache is on, and two methods would mix; "
            "call its disable_cache() first"
        )
    architecture = architecture_of(transformer)
    timestep_of(architecture, torch.zeros(1))
    return Target(architecture, clock)


def _transformer_of(pipe: Any) -> nn.Module:
    transformer = getattr(pipe, "transformer", None)
    if isinstance(getattr(pipe, "transformer_2", None), nn.Module):
        raise ConfigError(
            f"{type(pipe).__name__}: it goes over to another transformer while it samples, and one "
            "of them would not be attached to; model=diffusers samples it by the command line"
        )
    if isinstance(transformer, nn.Module) and hasattr(pipe, "scheduler"):
        return transformer
    raise ConfigError(
        "expected a diffusers pipeline, which has .transformer and .scheduler, or a transformer; "
        f"got {type(pipe).__name__}"
    )


def _checked(
    timesteps: Sequence[float] | torch.Tensor | None, steps: int | None
) -> Sequence[float] | torch.Tensor:
    if timesteps is None:
        raise ConfigError(
            "timesteps: a transformer alone does not know them; pass timesteps=[...] with that of "
            "every call in order (scheduler.timesteps), or pass the whole pipeline"
        )
    if len(timesteps) == 0:
        raise ConfigError("timesteps: expected that of every call of the transformer, got none")
    if steps is not None and steps < 1:
        raise ConfigError(f"steps={steps}: must be a whole number of at least 1")
    return timesteps


@dataclass(frozen=True)
class _Given:
    """The user says it once for all videos."""

    timesteps: Sequence[float] | torch.Tensor
    steps: int | None

    def source(self) -> object:
        return self.timesteps

    def read(self, architecture: Architecture) -> Timetable:
        times = _as_seen(torch.as_tensor(self.timesteps), architecture)
        return Timetable(times, self.steps or len(times))


@dataclass(frozen=True)
class _Scheduled:
    """The pipeline's scheduler says it, once its `set_timesteps` was called."""

    pipe: Any

    def source(self) -> object:
        return getattr(self.pipe.scheduler, "timesteps", None)

    def read(self, architecture: Architecture) -> Timetable:
        scheduler = self.pipe.scheduler
        steps = getattr(scheduler, "num_inference_steps", None)
        if steps is None or not len(scheduler.timesteps):
            # Before `set_timesteps` it lists all timesteps of the training.
            raise ConfigError(
                f"{type(scheduler).__name__}: no timesteps are set; call its set_timesteps() "
                "before the transformer, as a pipeline does"
            )
        return Timetable(_as_seen(torch.as_tensor(self.source()), architecture), int(steps))


def _as_seen(timesteps: torch.Tensor, architecture: Architecture) -> tuple[int, ...]:
    # Read by the architecture itself: some round to the model's dtype first. On the host, since
    # every single number would be waited for.
    values = timesteps.detach().cpu()
    return tuple(timestep_of(architecture, value[None]) for value in values)


def timestep_of(architecture: Architecture, value: torch.Tensor) -> int:
    """A timestep as an architecture reads it.

    Raises:
        ConfigError: if it does not read any.
    """
    seen = architecture.timestep((), {"timestep": value})
    if seen is None:
        name = type(architecture.transformer).__name__
        raise ConfigError(
            f"{name}: its calls do not tell their timestep in the scheduler's units, by which a "
            "video is followed; python -m pab_bench samples such a model"
        )
    return seen
