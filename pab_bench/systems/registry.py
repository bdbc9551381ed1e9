"""The systems that can be sampled: a new one is a folder, and two lines here.

Standard library and ours only: the check of a configuration reads these lists.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pab_bench.errors import ConfigError
from pab_bench.registry import Registry, load
from pab_bench.systems.model import ModelSettings

if TYPE_CHECKING:
    from pab_bench.engine.sites import Architecture
    from pab_bench.systems.base import Sampler
    from pab_bench.systems.blueprint import Blueprint

SAMPLERS: Registry[Callable[[ModelSettings, str, str], Sampler]] = Registry(
    "system",
    {
        "latte": "pab_bench.systems.latte.sampler:LatteSampler",
        "open_sora": "pab_bench.systems.open_sora.sampler:OpenSoraSampler",
        "open_sora_plan": "pab_bench.systems.open_sora_plan.sampler:OpenSoraPlanSampler",
        "cogvideox": "pab_bench.systems.cogvideox.sampler:CogVideoXSampler",
    },
)
"""What drives a system's pipeline; called with model, device and dtype."""

BLUEPRINTS: Registry[Callable[[ModelSettings, str], Blueprint]] = Registry(
    "system that is known without weights",
    {
        "latte": "pab_bench.systems.latte.blueprint:LatteBlueprint",
        "open_sora": "pab_bench.systems.open_sora.blueprint:OpenSoraBlueprint",
        "open_sora_plan": "pab_bench.systems.open_sora_plan.blueprint:OpenSoraPlanBlueprint",
        "cogvideox": "pab_bench.systems.cogvideox.blueprint:CogVideoXBlueprint",
    },
)
"""What a system's networks look like without weights; called with model and dtype."""

ARCHITECTURES: Registry[Callable[[Any], Architecture]] = Registry(
    "transformer",
    {
        "LatteTransformer3DModel": "pab_bench.systems.latte.architecture:LatteArchitecture",
        "STDiT3Transformer": "pab_bench.systems.open_sora.architecture:STDiT3Architecture",
        "LatteT2V": "pab_bench.systems.open_sora_plan.architecture:OpenSoraPlanArchitecture",
        "CogVideoXTransformer3DModel": (
            "pab_bench.systems.cogvideox.architecture:CogVideoXArchitecture"
        ),
    },
)
"""How the engine sees a transformer, by the name of its class; called with the transformer."""


_ADDRESSES = {
    "latte": "pab_bench.samplers.latte:LatteSampler",
    "open_sora": "pab_bench.samplers.open_sora:OpenSoraSampler",
    "open_sora_plan": "pab_bench.samplers.open_sora_plan:OpenSoraPlanSampler",
    "cogvideox": "pab_bench.samplers.cogvideox:CogVideoXSampler",
}
"""Where these samplers lay when the first points were stored; it is part of their identity."""


def sampler_address(system: str) -> str:
    """What stored points say about the sampler of a system."""
    return _ADDRESSES.get(system, system)


def load_sampler(model: ModelSettings, device: str, dtype: str) -> Sampler:
    """Load the model's checkpoint into its system's sampler, and return that.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `mps`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if there is no such system, or it cannot be driven so.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """
    if ":" in model.system:
        sampler: Sampler = load(model.system)(model, device, dtype)
        return sampler
    return SAMPLERS.load(model.system)(model, device, dtype)


def architecture_of(transformer: Any) -> Architecture:
    """Make the architecture of a loaded transformer, which tells the engine where its sites are.

    Args:
        transformer: an instance of a class in `ARCHITECTURES`, or of one derived from it.

    Raises:
        ConfigError: if its class is not known; it says which are, and how to add one.
    """
    for kind in type(transformer).__mro__:
        if kind.__name__ in ARCHITECTURES:
            return ARCHITECTURES.load(kind.__name__)(transformer)
    raise ConfigError(
        f"no architecture is known for {type(transformer).__name__}; known are "
        f"{', '.join(ARCHITECTURES)}. pab_bench/systems/ADDING_A_MODEL.md says how to add one: a "
        "class that names its sites, and a line in pab_bench/systems/registry.py"
    )


@lru_cache(maxsize=4)
def get_blueprint(model: ModelSettings, dtype: str) -> Blueprint:
    """The blueprint of a model; made once.

    Args:
        model: which checkpoint, at what size.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if the model's system has none, or its shapes are not known.
    """
    if model.system not in BLUEPRINTS:
        raise ConfigError(
            f"model.system={model.system}: its cost is not known without weights; known are "
            f"{', '.join(BLUEPRINTS)}"
        )
    return BLUEPRINTS.load(model.system)(model, dtype)
