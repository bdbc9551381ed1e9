"""The systems that can be sampled: a new one is a folder, and a line here.

Standard library and ours only: the check of a configuration reads this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pab_bench.errors import ConfigError
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.registry import Registry, load
from pab_bench.systems.checkpoints.part import CheckpointRefused, one_line
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.system import System
from pab_bench.systems.timesteps.known import known_timesteps
from pab_bench.systems.weights import WeightsMissing

if TYPE_CHECKING:
    from pab_bench.engine.sites import Architecture
    from pab_bench.systems.base import Sampler
    from pab_bench.systems.blueprint import Blueprint
    from pab_bench.systems.prompt_tokens import PromptTokens

SYSTEMS: Registry[System] = Registry(
    "system",
    {
        "latte": "pab_bench.systems.latte:SYSTEM",
        "open_sora": "pab_bench.systems.open_sora:SYSTEM",
        "open_sora_plan": "pab_bench.systems.open_sora_plan:SYSTEM",
        "cogvideox": "pab_bench.systems.cogvideox:SYSTEM",
        "diffusers": "pab_bench.systems.diffusers:SYSTEM",
        "wan": "pab_bench.systems.wan:SYSTEM",
        "hunyuan_video": "pab_bench.systems.hunyuan_video:SYSTEM",
        "ltx_video": "pab_bench.systems.ltx_video:SYSTEM",
        "cosmos": "pab_bench.systems.cosmos:SYSTEM",
        "mochi": "pab_bench.systems.mochi:SYSTEM",
    },
)


_STAGES = ("timesteps", "encode", "noise", "denoise", "decode")
_TRIED_STEPS = 10
"""Steps by which a scheduler is compared with the formula that it is said to follow."""
_rehearsed: WeakSet[Blueprint] = WeakSet()
"""Blueprints that have sampled a video without weights: each command would do it twice."""


def sampler_address(system: str) -> str:
    """What stored points say about the sampler of a system."""
    stored = SYSTEMS.load(system).stored_as if system in SYSTEMS else None
    return stored or system


def system_of_address(address: str) -> str | None:
    """The system that stored points call so; None for a sampler that lies elsewhere."""
    return next((name for name in SYSTEMS if sampler_address(name) == address), None)


def load_sampler(model: ModelSettings, device: str, dtype: str) -> Sampler:
    """Load the model's checkpoint into its system's sampler, and return that.

    Args:
        model: which checkpoint, at what size.
        device: `cpu`, `mps`, `cuda` or `cuda:N`.
        dtype: `float32`, `float16` or `bfloat16`.

    Raises:
        ConfigError: if there is no such system, or it cannot be driven so.
        InvalidSettings: if the model has another depth than its settings say, or a file of the
            checkpoint is not what it says.
        WeightsMissing: if files of the checkpoint are not here and cannot be downloaded.
    """
    if ":" not in model.system:
        own: Sampler = load(SYSTEMS.load(model.system).sampler)(model, device, dtype)
        check_depth(model, own.architecture.depth)
        _check_video(model, dtype)
        return own
    foreign: Sampler = _foreign(model.system)(model, device, dtype)
    check_depth(model, foreign.architecture.depth)
    return foreign


def _foreign(address: str) -> Callable[[ModelSettings, str, str], Sampler]:
    """The sampler that somebody wrote, `module:Class`.

    Raises:
        ConfigError: if it cannot be imported, or is none.
    """
    try:
        found = load(address)
    except (Exception, SystemExit) as error:  # Whatever a module does when it is imported.
        raise ConfigError(f"model.system={address}: cannot be loaded: {one_line(error)}") from error
    missing = [name for name in _STAGES if not callable(getattr(found, name, None))]
    if missing:
        raise ConfigError(
            f"model.system={address}: is no sampler, since it has no {', '.join(missing)}; "
            "pab_bench/systems/base.py says what one has"
        )
    made: Callable[[ModelSettings, str, str], Sampler] = found
    return made


def is_at_hand(model: ModelSettings) -> bool:
    """Whether a model's files are here without a download."""
    return model.path is not None or model.repository is None


def read_prompts(model: ModelSettings, prompts: Sequence[str]) -> list[PromptTokens] | None:
    """What a model's tokenizer makes of prompts; None where it is not at hand before a run.

    Raises:
        ConfigError: if the tokenizer is not what it says.
    """
    if model.system not in SYSTEMS or not is_at_hand(model):
        return None
    sampler = load(SYSTEMS.load(model.system).sampler)
    try:
        found: list[PromptTokens] | None = sampler.read_prompts(model, prompts)
    except WeightsMissing:  # What needs weights says so itself.
        return None
    return found


def check_checkpoints(models: Iterable[ModelSettings]) -> None:
    """Check samplers and folders that a user named, without reading the weights' numbers.

    Raises:
        ConfigError: naming the first folder that is not what it says, its part and its file.
    """
    for model in dict.fromkeys(models):
        if ":" in model.system:
            _foreign(model.system)
        named = (model.path, model.vae.path, model.text_encoder.path)
        if model.system in SYSTEMS and any(path is not None for path in named):
            load(SYSTEMS.load(model.system).sampler).check(model)


def check_videos(models: Iterable[tuple[ModelSettings, str]]) -> None:
    """Check that models sample videos of the size they are to have, as far as shapes are known.

    Args:
        models: models, each with the dtype that it is sampled in.

    Raises:
        InvalidSettings: naming the first model that does not, and its size.
    """
    for model, dtype in dict.fromkeys(models):
        if model.system in SYSTEMS and SYSTEMS.load(model.system).blueprint is not None:
            _check_video(model, dtype)


def _check_video(model: ModelSettings, dtype: str) -> None:
    try:
        blueprint = get_blueprint(model, dtype)
    except InvalidSettings:
        raise
    except ConfigError:  # As released, and of another repository: its shapes are not known here.
        return
    from pab_bench.systems.blueprint import SizedBlueprint  # It needs torch.

    # One of another kind has rehearsed the real call.
    if blueprint in _rehearsed or not isinstance(blueprint, SizedBlueprint):
        return
    setting = f"model={model.name}" if model.path is None else f"model.path={model.path}"
    try:
        blueprint.architecture.transformer(**blueprint.inputs(2, blueprint.padded_text_tokens))
        blueprint.decode("model")
        found = blueprint.timesteps(_TRIED_STEPS)
    except InvalidSettings:
        raise
    except Exception as error:  # What networks raise for wrong sizes is not listed.
        size = f"{model.frames} frames of {model.height} x {model.width}"
        reason = f"does not sample {size}: {one_line(error)}"
        raise CheckpointRefused([Problem(setting, reason)]) from error
    known = known_timesteps(model.schedule, _TRIED_STEPS, asdict(model), dtype)
    if known is not None and known != found:
        reason = (
            f"the scheduler has other timesteps than model.schedule={model.schedule}: of "
            f"{_TRIED_STEPS} steps {list(found)[:3]}..., not {list(known)[:3]}...; take "
            "model.schedule=null"
        )
        raise CheckpointRefused([Problem(setting, reason)])
    _rehearsed.add(blueprint)


def architecture_of(transformer: Any) -> Architecture:
    """Make the architecture of a loaded transformer, which tells the engine where its sites are.

    Args:
        transformer: an instance of a system's class, or of one derived from it.

    Raises:
        ConfigError: if its class is not known; it says which are, and how to add one.
    """
    known = {
        name: system.architecture
        for system in map(SYSTEMS.load, SYSTEMS)
        if system.architecture is not None
        for name in system.transformers
    }
    for kind in type(transformer).__mro__:
        if kind.__name__ in known:
            architecture: Architecture = load(known[kind.__name__])(transformer)
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
        InvalidSettings: if the model has another depth than its settings say.
    """
    own = SYSTEMS.load(model.system).blueprint if model.system in SYSTEMS else None
    if own is None:
        known = [name for name in SYSTEMS if SYSTEMS.load(name).blueprint is not None]
        raise ConfigError(
            f"model.system={model.system}: its cost is not known without weights; known are "
            f"{', '.join(known)}"
        )
    blueprint: Blueprint = load(own)(model, dtype)
    check_depth(model, blueprint.architecture.depth)
    return blueprint


def check_depth(model: ModelSettings, depth: int) -> None:
    """Check that a model has as many blocks as its settings say.

    Ranges of blocks were checked, and are part of a point's identity, by these.

    Raises:
        InvalidSettings: if it has not.
    """
    if model.depth != depth:
        message = f"the model has {depth} blocks (pairs of them where there are two kinds)"
        raise InvalidSettings([Problem(f"model.depth={model.depth}", message)])
