"""Reads a sweep directory, with pointers to content-addressed points, or a whole store.

The layout, all of it JSON, parquet and safetensors:
    <sweep>/<job number>/point.json    {"id", "status", "error", "overrides", "store", ...}
    <sweep>/point.json                 the same, for a single run
    <sweep>/<store>/<id>/record.json   scalars, plan summary, provenance; tables and videos beside
    <results>/points/<id>/record.json  the same, for a whole store
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.errors import NotASweep, UnreadableRecord
from analysis.points import Job, Point, Status, Sweep
from analysis.summary import summary_frame as summary_frame
from pab_bench.files import check_listed, read_json, read_sealed_json
from pab_bench.names import WITH_NUMBERS

_log = logging.getLogger(__name__)
SCHEMA = 1
_ID = re.compile(r"[0-9a-f]{20}")
_NO_SETTING = ("weights", "metrics", "prompts", "method")
"""What a store's points may differ in without being different grid points."""


def load_sweep(directory: str | Path) -> Sweep:
    """Read the jobs of a sweep (or of a single run) with the records of points and baselines.

    In a results folder every point of its store is a job; products belong into its `analysis`.

    Frames and tables are read when they are asked for. A job that is not finished, or whose files
    cannot be read, is a job with that status and a reason.

    Raises:
        NotASweep: `directory` is missing, or holds neither point.json, nor numbered job folders,
            nor a store.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise NotASweep(f"{directory}: no such folder")
    if (directory / "point.json").is_file():
        return Sweep(directory, (_load_job(directory, 0, directory, {}),))
    if (directory / "points").is_dir():
        return _load_store(directory)
    folders = [path for path in directory.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not folders:
        raise NotASweep(
            f"{directory}: no sweep; expected point.json (a single run), numbered job folders, or "
            "points (a whole store)"
        )
    numbered = sorted((int(path.name), path) for path in folders)
    # Thousands of jobs share a few baselines.
    baselines: dict[Path, Point | None] = {}
    return Sweep(directory, tuple(_load_job(directory, *entry, baselines) for entry in numbered))


def _load_store(results: Path) -> Sweep:
    store = results / "points"
    points: dict[str, Point | UnreadableRecord] = {}
    for folder in sorted(path for path in store.iterdir() if _is_a_points(path)):
        try:
            points[folder.name] = load_point(folder)
        except UnreadableRecord as error:
            points[folder.name] = error
    return Sweep(
        results / "analysis",
        tuple(_stored_job(number, name, points) for number, name in enumerate(points)),
    )


def _is_a_points(place: Path) -> bool:
    """Whether a point should be there, even if something else is."""
    shown = not place.name.startswith(".")
    return shown and (place.is_dir() or _ID.fullmatch(place.name) is not None)


def _stored_job(number: int, name: str, points: Mapping[str, Point | UnreadableRecord]) -> Job:
    point = points[name]
    if not isinstance(point, Point):
        return Job(number, "unreadable", str(point), None, name)
    settings = _scalars(point.value("config") or {})
    status = point.record.get("status")
    if status not in WITH_NUMBERS:
        reason = _reason(point.record.get("error")) or "no reason recorded"
        return Job(number, "failed", reason, settings, name, point)
    baseline = point if point.is_baseline else points.get(str(point.record.get("baseline_id")))
    usable = isinstance(baseline, Point) and baseline.record.get("status") == "ok"
    return Job(number, status, None, settings, name, point, baseline if usable else None)  # type: ignore[arg-type]


def _scalars(config: Mapping[str, Any]) -> dict[str, str]:
    """Settings in which stored points may differ, as if they were overrides."""
    found = {
        key: str(value)
        for key, value in config.items()
        if key not in _NO_SETTING and not isinstance(value, Mapping | type(None))
    }
    name = (config.get("model") or {}).get("name")
    return found | ({"model": str(name)} if name else {})


def _load_job(sweep: Path, number: int, folder: Path, baselines: dict[Path, Point | None]) -> Job:
    path = folder / "point.json"
    if not path.is_file():
        return Job(number, "not finished", "no point.json yet")
    try:
        pointer = _read_pointer(path, number)
    except UnreadableRecord as error:
        return Job(number, "unreadable", str(error))
    overrides = parse_overrides(pointer.get("overrides") or [])
    point_id = pointer.get("id")
    reason = _reason(pointer.get("error"))
    if point_id is None or "store" not in pointer:
        nowhere: Status = "failed" if pointer.get("status") == "failed" else "unreadable"
        return Job(number, nowhere, reason or "point.json names no point", overrides, point_id)
    store = sweep / pointer["store"]
    if not os.path.lexists(store / point_id / "record.json"):
        if pointer.get("status") == "failed":
            return Job(number, "failed", reason, overrides, point_id)
        return Job(number, "not finished", "no record.json yet", overrides, point_id)
    try:
        point = load_point(store / point_id)
    except UnreadableRecord as error:
        return Job(number, "unreadable", str(error), overrides, point_id)
    status = point.record.get("status")
    if status not in WITH_NUMBERS:
        reason = _reason(point.record.get("error")) or reason
        return Job(number, "failed", reason or "no reason recorded", overrides, point_id, point)
    return Job(
        number, status, None, overrides, point_id, point, _load_baseline(store, point, baselines)
    )


def _load_baseline(store: Path, point: Point, known: dict[Path, Point | None]) -> Point | None:
    """The point's baseline, from `known` if it was asked for before; None if it has no numbers."""
    if point.is_baseline:
        return point
    baseline_id = point.record.get("baseline_id")
    if baseline_id is None:
        return None
    place = store / baseline_id
    if place not in known:
        known[place] = None
        try:
            found = load_point(place)
        except UnreadableRecord as error:
            _log.warning("baseline %s is left out: %s", baseline_id, error)
        else:
            known[place] = found if found.record.get("status") == "ok" else None
    return known[place]


def load_point(folder: Path) -> Point:
    """Read a point's record, if it and the point's tables are what was written.

    Videos and maps are large: they are looked at when they are asked for.

    Raises:
        UnreadableRecord: something is missing, damaged, another point's, or of a schema that this
            version does not know.
    """
    try:
        check_listed(folder, ["record.json"])
        record = read_json(folder / "record.json")
        _check_record(record, folder.name)
        check_listed(folder, [name for name in record.get("files", ()) if "/" not in name])
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise UnreadableRecord(f"{missing} is not there") from error
    except OSError as error:
        raise UnreadableRecord(f"{Path(str(error.filename)).name}: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableRecord(f"record.json: {error}") from error
    return Point(folder, record)


_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("config", "model", "plan", "ledger", "timing", "quality"), dict),
    **dict.fromkeys(("prompts", "seeds", "files"), list),
}
"""What a record's fields are, where they are there."""


def _check_record(record: Any, identifier: str) -> None:
    if not isinstance(record, dict):
        raise ValueError(f"an object expected, got {type(record).__name__}")
    if record.get("schema") != SCHEMA:
        raise ValueError(f"schema {SCHEMA} expected, got {record.get('schema')!r}")
    if record.get("id") != identifier:
        raise ValueError(f"it is the record of point {record.get('id')!r}")
    for name, kind in _KINDS.items():
        if name in record and not isinstance(record[name], kind):
            raise ValueError(f"{name}: {kind.__name__} expected, got {record[name]!r}")


def _read_pointer(path: Path, number: int) -> Mapping[str, Any]:
    try:
        pointer = read_sealed_json(path, required=False)
    except OSError as error:
        raise UnreadableRecord(f"{path.name}: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableRecord(f"{path.name}: {error}") from error
    texts = [pointer.get(name) for name in ("id", "store", "status")]
    overrides = pointer.get("overrides") or []
    lists = isinstance(overrides, list) and all(isinstance(line, str) for line in overrides)
    if not lists or any(not isinstance(text, str | None) for text in texts):
        raise UnreadableRecord(f"{path.name}: not what a job writes")
    if pointer.get("job", number) != number:
        raise UnreadableRecord(f"{path.name}: it is that of job {pointer['job']}")
    return pointer


def _reason(error: object) -> str | None:
    return f"{error.get('type')}: {error.get('message')}" if isinstance(error, Mapping) else None


def parse_overrides(overrides: Sequence[str]) -> dict[str, str]:
    """Hydra's overrides as key -> value; the prefixes that add or force a key are left out.

    >>> parse_overrides(["spatial_gap=2", "+sweeps=gap_grid", "~tracking"])
    {'spatial_gap': '2', 'sweeps': 'gap_grid', 'tracking': 'deleted'}
    """
    parsed = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        parsed[key.lstrip("+~")] = value if equals else "deleted"
    return parsed
