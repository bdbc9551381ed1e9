"""The work of one denoising step of a model, counted once for all points that share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.cost.transformer_work import TransformerWork, step_work
from pab_bench.engine.kinds import BroadcastObject
from pab_bench.systems.blueprint import RehearsedBlueprint, SizedBlueprint
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.registry import get_blueprint

_UNGUIDED = 1.0


def step_of(
    settings: Settings, tokens: int, with_guidance: bool = True
) -> tuple[TransformerWork, ...]:
    """The work of one denoising step, for every call of the transformer in it.

    Args:
        settings: the point.
        tokens: tokens of the text that is attended to; a pipeline that is rehearsed makes them of
            the longest prompt itself.
        with_guidance: whether classifier-free guidance is done as the settings have it, or not.

    Raises:
        ConfigError: if the model is not known without its weights.
    """
    networks = settings.model, settings.dtype
    kept = settings.method.broadcast_object
    blueprint = get_blueprint(*networks)
    scale = settings.guidance if with_guidance else _UNGUIDED
    if isinstance(blueprint, RehearsedBlueprint):
        return _rehearsed_work(*networks, scale, max(settings.prompts, key=len), kept)
    batch = 2 if with_guidance and blueprint.guided(scale) else 1
    return _sized_work(*networks, batch, tokens, kept)


def inputs_of(
    model: ModelSettings, dtype: str, guidance: float, prompt: str, tokens: int
) -> Sequence[Mapping[str, Any]]:
    """What the transformer is called with in a denoising step, on the `meta` device, by lane.

    Args:
        model: which checkpoint, at what size.
        dtype: of all networks, by name.
        guidance: the scale.
        prompt: the longest one.
        tokens: as of `step_of`.
    """
    blueprint = get_blueprint(model, dtype)
    if isinstance(blueprint, RehearsedBlueprint):
        return blueprint.calls(guidance, prompt)
    assert isinstance(blueprint, SizedBlueprint)
    return [blueprint.inputs(2 if blueprint.guided(guidance) else 1, tokens)]


@lru_cache(maxsize=16)
def _sized_work(
    model: ModelSettings, dtype: str, batch: int, tokens: int, kept: BroadcastObject
) -> tuple[TransformerWork, ...]:
    blueprint = get_blueprint(model, dtype)
    assert isinstance(blueprint, SizedBlueprint)
    return step_work(blueprint.architecture, [blueprint.inputs(batch, tokens)], kept)


@lru_cache(maxsize=16)
def _rehearsed_work(
    model: ModelSettings, dtype: str, guidance: float, prompt: str, kept: BroadcastObject
) -> tuple[TransformerWork, ...]:
    blueprint = get_blueprint(model, dtype)
    assert isinstance(blueprint, RehearsedBlueprint)
    return step_work(blueprint.architecture, blueprint.calls(guidance, prompt), kept)
