"""Fills in the numbers that a model's configuration leaves to its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pab_bench.config.model_choice import ModelChoice
from pab_bench.problems import InvalidSettings, Problem, Problems
from pab_bench.registry import load
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.systems.embedded import path_of
from pab_bench.systems.model import FROM_CHECKPOINT, ModelSettings
from pab_bench.systems.registry import SYSTEMS
from pab_bench.systems.system import System
from pab_bench.systems.weights import WeightsMissing, setting_of

KEYS = tuple(entry.name for entry in fields(ModelChoice) if entry.metadata == FROM_CHECKPOINT)
"""Keys of `model` that may be null where the model's system reads them from its checkpoint."""


def with_model_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose model has nothing open.

    Args:
        values: the configuration as plain values, of the types of the schema.

    Raises:
        InvalidSettings: naming every key that stays open, or what is wrong with the checkpoint.
    """
    model = values["model"]
    problems = Problems()
    system = SYSTEMS.load(model["system"]) if model["system"] in SYSTEMS else None
    own = _model(model, system, problems)
    problems.raise_if_any()
    _check_call(own, system, own["steps"] if values["steps"] is None else values["steps"], problems)
    problems.raise_if_any()
    return {**values, "model": own}


def _check_call(
    model: Mapping[str, Any], system: System | None, steps: int, problems: Problems
) -> None:
    """Check `model.call`; a sampler that somebody wrote takes what it takes."""
    call = model["call"]
    if not call or system is None:
        return
    if system.check_call is None:
        takers = [name for name in SYSTEMS if SYSTEMS.load(name).check_call is not None]
        message = (
            f"has no effect with model={model['name']}: only pipelines that are driven by their "
            f"own call take more (model.system of {', '.join(takers)})"
        )
        problems.add("model.call", CallArguments.of(call), message)
        return
    settings = replace(_where(model), call=CallArguments.of(call))
    try:
        problems.found += load(system.check_call)(settings, steps)
    except WeightsMissing as error:
        problems.found.append(_missing(settings, error))


def _model(model: Mapping[str, Any], system: System | None, problems: Problems) -> dict[str, Any]:
    own = dict(model)
    unsaid = [key for key in KEYS if own[key] is None]
    if system is None or system.defaults is None:
        for key in unsaid:
            problems.add(f"model.{key}", None, "must be a number")
        return own
    if own["repository"] is None and path_of(_where(own)) is None:
        message = (
            f"model={own['name']} needs a pipeline: model.path=FOLDER with its model_index.json, "
            "or model.repository=NAME on the hub"
        )
        problems.add("model.path", None, message)
        return own
    if not unsaid:
        return own
    settings = _where(own)
    try:
        read = load(system.defaults)(settings)
    except InvalidSettings as error:
        problems.found += error.problems
        return own
    except WeightsMissing as error:
        problems.found.append(_missing(settings, error))
        return own
    for key in unsaid:
        own[key] = read[key]
        if own[key] is None:
            message = f"{setting_of(settings)} does not say it; set it"
            problems.add(f"model.{key}", None, message)
    return own


def _missing(settings: ModelSettings, error: WeightsMissing) -> Problem:
    setting = setting_of(settings)
    return Problem(setting, str(error).removeprefix(f"{setting}: "))


def _where(model: Mapping[str, Any]) -> ModelSettings:
    """Where a model's checkpoint is."""
    where = {key: model[key] for key in ("name", "system", "path", "repository", "revision")}
    return ModelSettings(**where, depth=0, frames=0, height=0, width=0)
