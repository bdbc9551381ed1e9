"""Whether every value has the type of its key: what is interpolated comes with any."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pab_bench.config.describe import expected_of
from pab_bench.config.schema import SCHEMA, is_call_hint, is_window_hint
from pab_bench.methods.windows import is_window
from pab_bench.problems import Problem, show


def wrong_types(
    values: Mapping[str, Any], section: type = SCHEMA, within: str = ""
) -> Iterator[Problem]:
    """Find values of another type than the schema's.

    Args:
        values: the configuration as plain Python values.
        section: the part of the schema that they belong to.
        within: what stands before their keys: `model.`.
    """
    for key, hint in typing.get_type_hints(section, include_extras=True).items():
        value = values[key]
        if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
            yield from wrong_types(value, typing.cast("type", hint), f"{within}{key}.")
        elif not _fits(value, hint):
            yield Problem(f"{within}{key}={show(value)}", f"must be {expected_of(hint)}")


def _fits(value: object, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if is_window_hint(hint):
        return value is None or is_window(value)
    if is_call_hint(hint):
        return value is None or isinstance(value, Mapping)
    if hint is Any or origin is dict:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if origin is list:
        (inner,) = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(entry, inner) for entry in value)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)
