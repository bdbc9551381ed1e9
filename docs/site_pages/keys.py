"""The page of all keys of the configuration: default, allowed values and meaning of each."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pab_bench.config.compose import read_option
from pab_bench.config.describe import expected, find
from pab_bench.config.paths import CONF
from pab_bench.config.schema import Configuration
from pab_bench.methods.pab_keys import PAB
from site_pages.docstrings import documented
from site_pages.markdown import code, table
from site_pages.yaml_files import read_file, shown

_FOR_EVERY_KIND = ("spatial", "temporal", "cross", "mlp")
_INTRODUCTION = """# Keys of the configuration

Everything that can be set, as `key=value` on the command line, as a keyword of
[`pab_bench.settings`](../api.md#grid-points), or in a file of your own. The table is made from
the classes that check the configuration and from `conf/`; defaults are those of a command that says
nothing. Keys with a dot are those of a section. A model's own values are on the page of
[its system](../systems/index.md), a method's other keys on the [method's](../methods/index.md).

Lists on the command line want quotes in most shells: `'seeds=[0,1]'`. `null` is none.
"""
_PAB = "What is broadcast"
_ROOT = "What is sampled, kept and shown"
_LONGEST = 60


@dataclass(frozen=True)
class Key:
    """A key of the configuration.

    Attributes:
        name: with dots.
        default: as it is written on the command line.
        takes: which values, in words.
        meaning: what it does.
    """

    name: str
    default: str
    takes: str
    meaning: str


@cache
def keys() -> tuple[Key, ...]:
    """Find all keys, in the order in which they are declared."""
    return tuple(_keys(Configuration, "", _defaults()))


def pages() -> dict[str, str]:
    """Write the page."""
    parts = [_INTRODUCTION.strip()]
    for section, found in _sections().items():
        rows = [(code(k.name), _shortly(k.default), k.takes, k.meaning) for k in found]
        parts += [f"## {section}", table(("key", "default", "takes", "meaning"), rows)]
    return {"docs/reference/keys.md": "\n\n".join(parts) + "\n"}


def _sections() -> dict[str, list[Key]]:
    """The keys of PAB, the others without a section, and those of each section."""
    found: dict[str, list[Key]] = {_PAB: [], _ROOT: []}
    pab = {entry.name for entry in dataclasses.fields(PAB)} | {"threshold", "block", "without"}
    for key in keys():
        section, dot, _ = key.name.partition(".")
        own = _PAB if key.name in pab else _ROOT
        found.setdefault(code(section) if dot else own, []).append(key)
    return found


def _shortly(default: str) -> str:
    if len(default) <= _LONGEST:
        return code(default)
    return "a list, see [the options](options.md)"


def _defaults() -> dict[str, Any]:
    """What the files say where the user says nothing."""
    values = _root()
    for group, option in _chosen():
        content = read_option(group, option)
        nested = content.keys() <= {f.name for f in dataclasses.fields(Configuration)}
        values = values | content if nested else values | {group: content}
    return values


def _root() -> dict[str, Any]:
    return read_file(CONF / "config.yaml").values


def _chosen() -> Iterator[tuple[str, str]]:
    for entry in _root()["defaults"]:
        if isinstance(entry, dict):
            ((group, option),) = entry.items()
            if " " not in group:
                yield group, option


def _meanings(section: type) -> dict[str, str]:
    """What the docstrings say of each field; a class without a list speaks for all of its own."""
    found = {entry.name: documented(section).summary for entry in dataclasses.fields(section)}
    for base in reversed(section.__mro__[:-1]):
        for name, text in documented(base).entries().items():
            kinds = _FOR_EVERY_KIND if name.startswith("*_") else ("",)
            found |= {name.replace("*", kind): text for kind in kinds}
    return found


def _keys(section: type, prefix: str, values: Mapping[str, Any]) -> Iterator[Key]:
    meanings = _meanings(section)
    hints = typing.get_type_hints(section)
    for entry in dataclasses.fields(section):
        name = f"{prefix}{entry.name}"
        default = values.get(entry.name, _own_default(entry))
        inner = _section(name, hints[entry.name])
        if inner is not None:
            yield from _keys(inner, f"{name}.", default if isinstance(default, dict) else {})
        elif prefix != "method.":
            text = "; ".join(default) if name == "prompts.texts" else shown(_plain(default))
            yield Key(name, text, expected(name), meanings[entry.name])
        else:
            yield Key(name, shown(default), "a text", meanings[entry.name])


def _own_default(entry: dataclasses.Field[Any]) -> Any:
    if entry.default is not dataclasses.MISSING:
        return entry.default
    return None


def _plain(value: Any) -> Any:
    """A value as a file has it; of a class that a mapping becomes, the default is no mapping."""
    if dataclasses.is_dataclass(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def _section(name: str, hint: Any) -> type | None:
    """The class of a section; None for a key, although its value may become a class of its own."""
    if name != "method" and not dataclasses.is_dataclass(find(name)):
        return None
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    classes = [option for option in options if dataclasses.is_dataclass(option)]
    return typing.cast("type", classes[0]) if classes else None
