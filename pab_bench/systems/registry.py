"""The systems that can be sampled: a new one is a folder, and a line here.

Standard library and ours only: the check of a configuration reads this list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pab_bench.errors import ConfigError
from pab_bench.registry import Registry, load
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.system import System

if TYPE_CHECKING:
    from pab_bench.engine.sites import Architecture
    from pab_bench.systems.base import Sampler
    from pab_bench.systems.blueprint import Blueprint

SYSTEMS: Registry[System] = Registry(
    "system",
    {
        "latte": "pab_bench.systems.latte:SYSTEM",
        "open_sora": "pab_bench.systems.open_sora:SYSTEM",
        "open_sora_plan": "pab_bench.systems.open_sora_plan:SYSTEM",
        "cogvideox": "pab_bench.systems.cogvideox:SYSTEM",
    },
)


_STAGES = ("timesteps", "encode", "noise", "denoise", "decode")


def sampler_address(system: str) -> str:
    """What stored points say about the sampler of a system."""
    stored = SYSTEMS.load(system).stored_as if system in SYSTEMS else None
    return stored or system


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
    if ":" not in model.system:
        own: Sampler = load(SYSTEMS.load(model.system).sampler)(model, device, dtype)
        return own
    try:
        found = load(model.system)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"model.system={model.system}: cannot be loaded: {error}") from error
    missing = [name for name in _STAGES if not callable(getattr(found, name, None))]
    if missing:
        raise ConfigError(
            f"model.system={model.system}: is no sampler, since it has no {', '.join(missing)}; "
            "pab_bench/systems/base.py says what one has"
        )
    foreign: Sampler = found(model, device, dtype)
    return foreign


def architecture_of(transformer: Any) -> Architecture:
    """Make the architecture of a loaded transformer, which tells the engine where its sites are.

    Args:
        transformer: an instance of a system's class, or of one derived from it.

    Raises:
        ConfigError: if its class is not known; it says which are, and how to add one.
    """
    known = {system.transformer: system for system in map(SYSTEMS.load, SYSTEMS)}
    for kind in type(transformer).__mro__:
        if kind.__name__ in known:
            architecture: Architecture = load(known[kind.__name__].architecture)(transformer)
            return architecture
    raise ConfigError(
        f"no architecture is known for {type(transformer).__name__}; known are "
        f"{', '.join(known)}. pab_bench/systems/ADDING_A_MODEL.md says how to add one: a folder "
        "whose architecture names the sites, and a line in pab_bench/systems/registry.py"
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
    own = SYSTEMS.load(model.system).blueprint if model.system in SYSTEMS else None
    if own is None:
        known = [name for name in SYSTEMS if SYSTEMS.load(name).blueprint is not None]
        raise ConfigError(
            f"model.system={model.system}: its cost is not known without weights; known are "
            f"{', '.join(known)}"
        )
    blueprint: Blueprint = load(own)(model, dtype)
    return blueprint
