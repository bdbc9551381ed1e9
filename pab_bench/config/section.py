"""Makes a section of the configuration, which checks itself, from plain values."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pab_bench.problems import InvalidSettings, Problem, Problems
from pab_bench.systems.call_arguments import CallArguments

Section = TypeVar("Section")


def section(kind: type[Section], values: Mapping[str, Any], problems: Problems) -> Section | None:
    """Make a section of the configuration from plain values.

    Args:
        kind: a frozen dataclass; keys that it does not have are passed over.
        values: lists for tuples, texts for paths, mappings for sections within.
        problems: receives everything that it refuses.

    Returns:
        None if it refuses something.
    """
    before = len(problems.found)
    hints = typing.get_type_hints(kind)
    given: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name in values:
            given[entry.name] = _converted(hints[entry.name], values[entry.name], problems)
    wrong = {key for key, value in given.items() if value is _WRONG}
    if any(entry.name in wrong and _is_required(entry) for entry in fields(kind)):  # type: ignore[arg-type]
        return None
    # What is within it is wrong; what else is wrong is found with the defaults in its place.
    given = {key: value for key, value in given.items() if key not in wrong}
    try:
        made = kind(**given)
    except InvalidSettings as error:
        problems.found += error.problems
        return None
    except ValueError as error:  # A method that somebody wrote may refuse in its own way.
        problems.found.append(Problem(kind.__name__, str(error)))
        return None
    return made if len(problems.found) == before else None


_WRONG: Any = object()


def _is_required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _converted(hint: Any, value: Any, problems: Problems) -> Any:
    if hint is CallArguments:
        return CallArguments.of(value)
    if is_dataclass(hint):
        made = section(typing.cast("type[Any]", hint), value, problems)
        return _WRONG if made is None else made
    if value is None:
        return None
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if Path in options:
        return Path(value).absolute()
    return tuple(value) if isinstance(value, list) else value
