"""What the fields of a record are that tables, speeds and rankings read by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def check_fields(content: Mapping[str, Any]) -> None:
    """Look at every field that is read by name.

    Args:
        content: the record of a finished point.

    Raises:
        ValueError: naming the first that is missing, or of another kind.
    """
    for path in _REQUIRED:
        if not _at(content, path.split(".")):
            raise ValueError(f"{path}: is missing")
    for path, fits in _FIELDS.items():
        for name, value in _at(content, path.split(".")):
            if not fits(value):
                raise ValueError(f"{name}: cannot be {_shown(value)}")


def _is_number(value: Any) -> bool:
    """Whether it is a finite number that a table can show."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_prose(value: Any) -> bool:
    return isinstance(value, str)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value.splitlines()) <= 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_rule(value: Any) -> bool:
    """Whether it has a rule's gap and ranges, as far as tables show them."""
    if not isinstance(value, dict):
        return False
    block, threshold = value.get("block"), value.get("threshold", [0, 1])
    return (
        _is_count(value.get("gap", 1))
        and (block is None or (isinstance(block, list) and len(block) == 2))
        and (_is_text(threshold) or (isinstance(threshold, list) and len(threshold) == 2))
    )


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "config.model": _is_object,
    "config.model.name": _is_text,
    "config.weights": _is_text,
    "config.device": _is_text,
    "config.dtype": _is_text,
    "config.steps": _is_count,
    "config.guidance": _is_number,
    "config.arithmetic": _is_object,
    "config.broadcast_object": _or_none(_is_text),
    "config.cache": _or_none(_is_object),
    "config.rules": _is_object,
    "config.rules.*": _or_none(_is_rule),
    "config.metrics": _is_object,
    "config.parallel": _is_object,
    "config.versions": _is_object,
    "config.versions.*": _is_text,
    "model.name": _is_text,
    "model.weights_digest": _is_text,
    "model.depth": _is_count,
    "seeds.*": _is_count,
    "provenance.created": _is_text,
    "provenance.versions": _is_object,
    "provenance.versions.*": _is_text,
    "provenance.device": _is_text,
    "provenance.cpu": _is_text,
    "provenance.platform": _is_text,
    "provenance.archives": lambda value: isinstance(value, list),
    "provenance.archives.*": _is_object,
    "provenance.archives.*.*": _is_text,
    "plan.digest": _is_text,
    "plan.calls": _is_count,
    "plan.depth": _is_count,
    "plan.timesteps": _is_numbers,
    "plan.reuse_share": _is_object,
    "plan.reuse_share.*": _or_none(_is_number),
    "ledger.*": _is_object,
    "ledger.*.*": _is_count,
    "communication.*": _is_object,
    "communication.*.*": _is_count,
    "timing.*": _is_object,
    "timing.*.median": _is_number,
    "timing.*.values": _is_numbers,
    "timing.denoise_s.replayed_share": _is_number,
    "quality.*": _is_object,
    "quality.*.value": _or_none(_is_number),
    "quality.*.reason": _or_none(_is_prose),
    "quality.*.metric": _is_text,
    "quality.*.label": _is_text,
    "quality.*.unit": _is_text,
    "quality.*.definition": _is_prose,
    "quality.*.source": _is_text,
    "quality.*.ideal": _or_none(_is_number),
    "quality.*.higher_is_better": _or_none(lambda value: isinstance(value, bool)),
    "inputs.*.prompt": _is_count,
    "inputs.*.seed": _is_count,
    "inputs.*.tokens": _or_none(_is_object),
    "cost.flops_ratio": lambda value: _is_number(value) and value > 0,
    "cost.cache_bytes": _or_none(_is_number),
    "peak_cache_bytes": _or_none(_is_count),
    "audit": _is_object,
    "audit.findings": lambda value: isinstance(value, list),
    "audit.findings.*": _is_object,
    "audit.findings.*.*": _is_prose,
}
"""Fields that are read by name, where they are there; `*` stands for every key or entry."""


_REQUIRED = (
    *(f"config.{name}" for name in ("model", "weights", "steps", "guidance", "dtype", "metrics")),
    *(f"config.{name}" for name in ("method", "device", "versions", "model.name")),
    *(f"model.{name}" for name in ("name", "weights_digest", "depth")),
    *(f"plan.{name}" for name in ("digest", "calls", "timesteps", "reuse_share.all")),
    *(f"provenance.{name}" for name in ("created", "device")),
)
"""Fields that every record of a finished point has."""


def _at(value: Any, path: list[str], name: str = "") -> list[tuple[str, Any]]:
    """What lies at a path, with its name; nothing where a record says nothing of it."""
    if not path:
        return [(name, value)]
    step, *rest = path
    entries: Iterable[tuple[Any, Any]]
    if step == "*" and isinstance(value, list):
        entries = enumerate(value)
    elif not isinstance(value, dict):
        raise ValueError(f"{name}: expected an object, got {_shown(value)}")
    elif step == "*":
        entries = value.items()
    else:
        entries = [(step, value[step])] if step in value else []
    return [
        found
        for key, entry in entries
        for found in _at(entry, rest, f"{name}.{key}" if name else str(key))
    ]


def _shown(value: Any) -> str:
    return repr(value)[:60]
