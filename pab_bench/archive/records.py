"""Whether a record from elsewhere is one, down to the numbers that tables are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.archive.names import is_large, is_of_a_point
from pab_bench.archive.record_fields import check_fields
from pab_bench.archive.texts import check_texts
from pab_bench.problems import InvalidSettings
from pab_bench.store.points import point_id
from pab_bench.store.records import Record
from pab_bench.timings.names import keeping_of_point

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
    if not record.has_numbers:
        raise ValueError("it is that of a failed point, which has no numbers")
    if point_id(record.config) != identifier:
        raise ValueError("config: its address is another one, so that it was changed")
    check_fields(content)
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
    try:
        keeping_of_point(record.config)
    except (TypeError, InvalidSettings) as error:
        raise ValueError(f"config.cache: is none of this version: {error}") from error
    if record.is_baseline != (record.baseline_id is None):
        raise ValueError("baseline_id: a baseline has none, and any other point has one")
    strange = [name for name in record.files if not is_of_a_point(name) or name == RECORD]
    if strange or len(set(record.files)) < len(record.files):
        raise ValueError(f"files: {strange or 'a name'} is no file of a point, or there twice")


def missing_files(record: Record, there: Mapping[str, Any]) -> list[str]:
    """Files of a point that are not there and that none can do without."""
    return [name for name in record.files if name not in there and not is_large(name)]
