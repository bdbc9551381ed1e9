"""Says in words what a configuration key expects."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from functools import cache
from typing import Any

from pab_bench.config.schema import SCHEMA, is_call_hint, is_window_hint
from pab_bench.config.upstream_names import OUR_KEYS
from pab_bench.problems import did_you_mean

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Any: "a value",
    list[int]: "a list of whole numbers, such as [0,5]",
    list[str]: "a list of texts",
}
_WINDOW = (
    "a list of whole numbers [low,high], a share of the steps such as steps:[.1,.6], auto, or null"
)


@cache
def _keys(section: type) -> dict[str, Any]:
    return typing.get_type_hints(section, include_extras=True)


def find(key: str) -> Any:
    """The type of a dotted key.

    Raises:
        LookupError: if there is no such key; its arguments are the path up to the unknown part,
            the unknown part, and what could stand in its place.
    """
    section: Any = SCHEMA
    path: list[str] = []
    for part in key.split("."):
        if typing.get_origin(section) is dict:  # The keys of a method, which knows them itself.
            return Any
        if not dataclasses.is_dataclass(section):
            raise LookupError(path, part, [])
        keys = _keys(typing.cast("type", section))
        if part not in keys:
            raise LookupError(path, part, list(keys))
        section = keys[part]
        path.append(part)
    return section


def unknown_key(error: LookupError, groups: Iterable[str]) -> str:
    """Say that there is no such key, and which there are.

    Args:
        error: what `find` has raised.
        groups: names that could stand for a key, besides those of the keys.
    """
    path, part, keys = error.args
    if path == ["model", "call"]:
        return f"is written with the others: 'model.call={{{part}:VALUE}}'"
    known = None if path else OUR_KEYS.get(part)
    hint = did_you_mean(part, dict.fromkeys([*keys, *([] if path else groups)]))
    if known is not None:
        hint = f" Did you mean {known!r}?"
    where = f" in {'.'.join(path)} ({', '.join(keys)})" if path else ""
    return f"there is no key {part!r}{where}.{hint}"


def is_number_for_switch(key: str, value: object) -> bool:
    """Whether a switch is given a number, as in `spatial_skip=2` where a gap was meant.

    OmegaConf would take it for true.
    """
    return is_number_for_switch_of(find(key), value)


def is_number_for_switch_of(hint: Any, value: object) -> bool:
    """The same, of a key of a given type."""
    return hint is bool and type(value) in (int, float)


def expected(key: str) -> str:
    """What values a key takes, in words."""
    return expected_of(find(key))


def expected_of(hint: Any) -> str:
    """What values a key of a given type takes, in words."""
    if dataclasses.is_dataclass(hint):
        return f"a mapping with {', '.join(_keys(typing.cast('type', hint)))}"
    if is_window_hint(hint):
        return _WINDOW
    if is_call_hint(hint):
        return "a mapping such as {max_sequence_length:64}, or null"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        return " or ".join([*(_WORDS[kind] for kind in kinds), "null"])
    return _WORDS[hint]
