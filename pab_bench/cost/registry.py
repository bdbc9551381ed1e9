"""Which systems can be costed without weights: a new one adds a file and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import lru_cache

import torch

from pab_bench.config.settings import ModelSettings
from pab_bench.cost.blueprint import Blueprint
from pab_bench.errors import ConfigError

BLUEPRINTS: Mapping[str, str] = {
    "pab_bench.samplers.latte:LatteSampler": "pab_bench.cost.latte:LatteBlueprint",
    "pab_bench.samplers.open_sora:OpenSoraSampler": "pab_bench.cost.open_sora:OpenSoraBlueprint",
    "pab_bench.samplers.open_sora_plan:OpenSoraPlanSampler": (
        "pab_bench.cost.open_sora_plan:OpenSoraPlanBlueprint"
    ),
    "pab_bench.samplers.cogvideox:CogVideoXSampler": "pab_bench.cost.cogvideox:CogVideoXBlueprint",
}
"""`model.sampler` to the blueprint of its networks, both as "module:class"."""


@lru_cache(maxsize=4)
def get_blueprint(model: ModelSettings, dtype: str) -> Blueprint:
    """The blueprint of a model.

    Args:
        model: which checkpoint, at what size.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if the model's sampler has none.
    """
    if model.sampler not in BLUEPRINTS:
        raise ConfigError(
            f"model.sampler={model.sampler}: its cost is not known without weights; known are "
            f"{', '.join(BLUEPRINTS)}"
        )
    module, name = BLUEPRINTS[model.sampler].split(":")
    blueprint: Blueprint = getattr(importlib.import_module(module), name)(
        model, getattr(torch, dtype)
    )
    return blueprint
