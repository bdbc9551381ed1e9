"""Whether the values of a configuration can be meant: types, signs and sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST_INTEGER = 1_000_000
"""No width, number of layers, words or timesteps of any published model is above it."""


NUMBER_OR_NULL = object()
"""In place of a default: a number, a list of numbers, or null."""


def why_not_meant(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> str | None:
    """The first value that cannot be meant, and why; None if there is none.

    Args:
        config: a configuration.
        defaults: values of the same keys that are right, by which type and sign are judged. Keys
            that are not here are not judged.
    """
    for key, default in defaults.items():
        if key not in config:
            continue
        reason = _wrong(key, config[key], default)
        if reason is not None:
            shown = repr(config[key])
            return f"{key}={shown if len(shown) < 60 else shown[:60] + '...'}: {reason}"
    return None


def _wrong(key: str, value: Any, default: Any) -> str | None:
    if any(abs(number) > LARGEST_INTEGER for number in _integers(value)):
        return f"must not be beyond {LARGEST_INTEGER:,}"
    if default is NUMBER_OR_NULL:
        items = value if isinstance(value, list) else [value]
        right = all(isinstance(item, int | float) and not isinstance(item, bool) for item in items)
        return None if value is None or (items and right) else "must be a number or null"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "must be true or false"
    if isinstance(default, str):
        return None if isinstance(value, str | None) else "must be a text"
    if isinstance(default, int | float):
        return _wrong_number(key, value, default)
    return None


def _wrong_number(key: str, value: Any, default: float) -> str | None:
    numbers = value if isinstance(value, list) and value else [value]
    whole = isinstance(default, int)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int if whole else int | float):
            return f"must be a {'whole ' if whole else ''}number"
        if not math.isfinite(number):
            return "must be finite"
        # Numbers of tokens begin at 0, and nothing need be dropped.
        if default > 0 and not key.endswith("_id"):
            may_be_zero = "dropout" in key or "drop_path" in key
            if number < 0 or (number == 0 and not may_be_zero):
                return f"must be {'0 or more' if may_be_zero else 'above 0'}"
    return None


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _integers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _integers(item)
