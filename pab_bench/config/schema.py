"""The configuration's shape: Hydra itself refuses what does not fit it."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from pab_bench.config.model_choice import ModelChoice, check_guidance
from pab_bench.config.sections import MethodChoice, MetricChoice, PromptChoice
from pab_bench.config.settings import Switches
from pab_bench.engine.kinds import BROADCAST_OBJECTS
from pab_bench.methods.pab_keys import PAB
from pab_bench.methods.windows import SaidWindow
from pab_bench.names import DTYPES
from pab_bench.problems import Problems
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.systems.model import FROM_CHECKPOINT


@dataclass(frozen=True, kw_only=True)
class Configuration(Switches, PAB):
    """What the user says: the meaning of each key is in conf/config.yaml and in `--help`.

    Attributes:
        model: `conf/model`.
        method: `conf/method`.
        prompts: `conf/prompts`.
        metrics: `conf/metrics`.
        without: the kind that is switched off whatever the preset says; its own file writes it.
        contender: a method or preset with its settings, by one name; its own file writes it.
        threshold: the window of every kind that has none of its own.
        block: [first, last] for every kind that has none of its own.
        pab_file: a YAML file with the keys of PAB.
        steps: denoising steps; None = what the model recommends.
        guidance: likewise.
        dtype: likewise.
    """

    model: ModelChoice
    method: MethodChoice
    prompts: PromptChoice
    metrics: MetricChoice
    without: str = "nothing"
    contender: str = "none"
    threshold: SaidWindow = None
    block: tuple[int, ...] | None = None
    pab_file: Path | None = None
    steps: int | None = None
    guidance: float | None = None
    dtype: str | None = None


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Keys at the root for which a model recommends something, checked in themselves.

    Attributes:
        guidance: classifier-free guidance scale.
        dtype: of the model.
        broadcast_object: which tensor is kept; None = the model's own.
    """

    guidance: float | None
    dtype: str | None
    broadcast_object: str | None

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        problems = Problems()
        check_guidance("guidance", self.guidance, problems)
        problems.choice("dtype", self.dtype, DTYPES)
        problems.choice("broadcast_object", self.broadcast_object, BROADCAST_OBJECTS)
        problems.raise_if_any()


WINDOW, CALL = "window", "call"
"""Marks, in the schema, keys whose values are windows, and those that are a call's arguments."""


def is_window_hint(hint: Any) -> bool:
    """Whether a type of the schema is that of windows."""
    return _is_marked(hint, WINDOW)


def is_call_hint(hint: Any) -> bool:
    """Whether a type of the schema is that of further arguments of a call."""
    return _is_marked(hint, CALL)


def _is_marked(hint: Any, mark: str) -> bool:
    return typing.get_origin(hint) is typing.Annotated and mark in typing.get_args(hint)


@cache
def schema_of(section: type) -> type:
    """Make the twin of a frozen dataclass that Hydra can fill in step by step.

    It has the same keys with the same defaults, in OmegaConf's types: lists for tuples, texts for
    paths and literals; and it checks nothing but types.
    """
    entries: list[tuple[str, Any, Any]] = []
    hints = typing.get_type_hints(section)
    for entry in fields(section):
        hint = _plain(hints[entry.name])
        if entry.metadata == FROM_CHECKPOINT:
            hint = hint | None
        if is_dataclass(hint):
            entries.append((entry.name, hint, field(default_factory=typing.cast("type", hint))))
            continue
        default = entry.default
        if isinstance(default, tuple | list):
            entries.append((entry.name, hint, field(default_factory=partial(list, default))))
        else:
            given = str(default) if isinstance(default, Path) else default
            given = None if isinstance(default, CallArguments) else given
            entries.append((entry.name, hint, MISSING if default is NO_DEFAULT else given))
    twin = make_dataclass(f"{section.__name__}Schema", entries)
    # A launcher's processes find it here by its name; pickled whole, it would come back as another.
    twin.__module__ = __name__
    globals()[twin.__name__] = twin
    return twin


def _plain(hint: Any) -> Any:
    """A type as OmegaConf knows it."""
    if hint == SaidWindow:  # OmegaConf knows no such choice.
        return typing.Annotated[Any, WINDOW]
    if hint is CallArguments:  # OmegaConf adds no keys to a mapping that is there.
        return typing.Annotated[Any, CALL]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        plain = [_plain(argument) for argument in arguments]
        return plain[0] if len(plain) == 1 else typing.Union[tuple(plain)]  # noqa: UP007
    if origin in (tuple, list, Sequence):
        return list[_plain(arguments[0])]  # type: ignore[misc]
    if hint is MethodChoice:  # It has the keys of whichever method it names.
        return dict[str, Any]
    if origin is typing.Literal or hint is Path:
        return str
    return schema_of(typing.cast("type", hint)) if is_dataclass(hint) else hint


SCHEMA = schema_of(Configuration)
"""What Hydra is told; made here, and all sections with it, so that every process has them."""
