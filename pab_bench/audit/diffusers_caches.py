"""Diffusers' own caches, by the name of their configuration: enabled as its users enable them."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import nn

from pab_bench.errors import ConfigError
from pab_bench.problems import did_you_mean, show

_CALLBACK = "current_timestep_callback"


def is_cache_config(found: object) -> bool:
    """Whether something is a class of diffusers that configures a cache."""
    return (
        isinstance(found, type)
        and is_dataclass(found)
        and found.__module__.startswith("diffusers.hooks.")
        and found.__name__.endswith("Config")
    )


def enable_cache(
    pipeline: Any, transformers: Sequence[nn.Module], kind: Any, arguments: Mapping[str, Any]
) -> Callable[[], None]:
    """Make a configuration of a cache and enable it on all transformers of a pipeline.

    A configuration that asks for the timestep is given that which the pipeline says of itself, as
    in diffusers' documentation.

    Args:
        pipeline: a diffusers pipeline.
        transformers: the modules that it calls; each has a configuration of its own.
        kind: the class of the configuration.
        arguments: its fields by name, plain values.

    Returns:
        What disables it again.

    Raises:
        ConfigError: if there is no such field, or a value or a model is none that it takes.
    """
    setting = f"method.enable=diffusers:{kind.__name__}"
    for transformer in transformers:
        if not hasattr(transformer, "enable_cache"):
            name = type(transformer).__name__
            raise ConfigError(
                f"{setting}: {name} has no enable_cache: diffusers offers it no cache"
            )
    enabled: list[Any] = []

    def disable() -> None:
        while enabled:
            enabled.pop().disable_cache()

    for transformer in transformers:
        own: Any = transformer
        config = _made(kind, arguments, pipeline, setting)
        try:
            own.enable_cache(config)
        except Exception as error:
            disable()
            raise ConfigError(
                f"{setting}: {type(own).__name__}.enable_cache: {type(error).__name__}: {error}"
            ) from error
        enabled.append(own)
    return disable


def _made(kind: Any, arguments: Mapping[str, Any], pipeline: Any, setting: str) -> Any:
    known = {entry.name for entry in fields(kind)}
    for key, value in arguments.items():
        if key not in known:
            raise ConfigError(
                f"method.arguments={{{key}:{show(value)}}}: {kind.__name__} has no such field; it "
                f"has {', '.join(sorted(known))}.{did_you_mean(key, known)}"
            )
    given = {key: _converted(value) for key, value in arguments.items()}
    if _CALLBACK in known and _CALLBACK not in given:
        if not hasattr(type(pipeline), "current_timestep"):
            raise ConfigError(
                f"{setting}: it needs the timestep, and {type(pipeline).__name__} has no "
                "current_timestep"
            )
        given[_CALLBACK] = lambda: pipeline.current_timestep
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{setting}: {type(error).__name__}: {' '.join(str(error).split())}"
        ) from (error)


def _converted(value: Any) -> Any:
    """A plain value as a configuration has it: pairs are tuples, dtypes torch's."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and isinstance(found := getattr(torch, value, None), torch.dtype):
        return found
    return value


def config_of(transformer: nn.Module) -> Any:
    """The configuration that is enabled on a transformer; None if there is none."""
    return getattr(transformer, "_cache_config", None)


def told_timestep(transformer: nn.Module) -> float | None:
    """What an enabled cache is told of the timestep now; None where it does not ask."""
    callback = getattr(config_of(transformer), _CALLBACK, None)
    if callback is None:
        return None
    value = typing.cast("Callable[[], Any]", callback)()
    return None if value is None else float(value)
