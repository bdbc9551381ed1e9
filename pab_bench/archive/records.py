"""Whether a record from elsewhere is one, down to the numbers that tables are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pab_bench.archive.names import is_large, is_of_a_point
from pab_bench.archive.texts import check_texts
from pab_bench.store.points import point_id
from pab_bench.store.records import Record

RECORD = "record.json"
_MOST_VIDEOS = 100_000


def check_record(content: Any, identifier: str) -> Record:
    """Check a record and return it.

    Args:
        content: what the file says.
        identifier: the point that it should be of.

    Raises:
        ValueError: saying which field is not as this version writes it, or that the address is not
            that of the configuration.
    """
    record = Record.from_json(content)
    check_texts(content, "")
    if record.id != identifier:
        raise ValueError(f"it is the record of point {record.id}")
    if record.status != "ok":
        raise ValueError("it is that of a failed point, which has no numbers")
    if point_id(record.config) != identifier:
        raise ValueError("config: its address is another one, so that it was changed")
    for path in _REQUIRED:
        if not _at(content, path.split(".")):
            raise ValueError(f"{path}: is missing")
    for path, fits in _FIELDS.items():
        for name, value in _at(content, path.split(".")):
            if not fits(value):
                raise ValueError(f"{name}: cannot be {_shown(value)}")
    _check_together(record)
    return record


def _check_together(record: Record) -> None:
    same = {name: record.config.get(name) for name in ("prompts", "seeds")}
    if same != {"prompts": record.prompts, "seeds": record.seeds}:
        raise ValueError("prompts and seeds: are not those of config")
    if any("prompt" not in entry for entry in record.inputs):
        raise ValueError("inputs: an entry does not say of which prompt it is")
    if not 0 < len(record.prompts) * len(record.seeds) <= _MOST_VIDEOS:
        raise ValueError(f"prompts and seeds: expected 1 to {_MOST_VIDEOS} videos")
    if record.is_baseline != (record.baseline_id is None):
        raise ValueError("baseline_id: a baseline has none, and any other point has one")
    strange = [name for name in record.files if not is_of_a_point(name) or name == RECORD]
    if strange or len(set(record.files)) < len(record.files):
        raise ValueError(f"files: {strange or 'a name'} is no file of a point, or there twice")


def missing_files(record: Record, there: Mapping[str, Any]) -> list[str]:
    """Files of a point that are not there and that none can do without."""
    return [name for name in record.files if name not in there and not is_large(name)]


def is_number(value: Any) -> bool:
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
    return isinstance(value, list) and all(map(is_number, value))


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
    "config.guidance": is_number,
    "config.rules": _is_object,
    "config.rules.*": _or_none(_is_rule),
    "config.metrics": _is_object,
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
    "plan.reuse_share.*": _or_none(is_number),
    "ledger.*": _is_object,
    "ledger.*.*": _is_count,
    "timing.*": _is_object,
    "timing.*.median": is_number,
    "timing.*.values": _is_numbers,
    "timing.denoise_s.replayed_share": is_number,
    "quality.*": _is_object,
    "quality.*.value": _or_none(is_number),
    "quality.*.reason": _or_none(_is_prose),
    "quality.*.metric": _is_text,
    "quality.*.label": _is_text,
    "quality.*.unit": _is_text,
    "quality.*.definition": _is_prose,
    "quality.*.source": _is_text,
    "quality.*.ideal": _or_none(is_number),
    "quality.*.higher_is_better": _or_none(lambda value: isinstance(value, bool)),
    "inputs.*.prompt": _is_count,
    "inputs.*.seed": _is_count,
    "inputs.*.tokens": _or_none(_is_object),
    "cost.flops_ratio": lambda value: is_number(value) and value > 0,
    "cost.cache_bytes": is_number,
    "peak_cache_bytes": _is_count,
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
