"""Reads a sweep directory, with pointers to content-addressed points, or a whole store.

The layout, all of it JSON, parquet and safetensors:
    <sweep>/<job number>/point.json    {"id", "status", "error", "overrides", "store", ...}
    <sweep>/point.json                 the same, for a single run
    <sweep>/<store>/<id>/record.json   scalars, plan summary, provenance; tables and videos beside
    <results>/points/<id>/record.json  the same, for a whole store
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.errors import NotASweep, UnreadableRecord
from analysis.points import Job, Point, Status, Sweep
from analysis.summary import summary_frame as summary_frame
from pab_bench.files import check_digest

SCHEMA = 1
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
    points: dict[str, Point | UnreadableRecord | None] = {}
    for path in sorted(store.glob("*/record.json")):
        try:
            points[path.parent.name] = _load_point(store, path.parent.name)
        except UnreadableRecord as error:
            points[path.parent.name] = error
    return Sweep(
        results / "analysis",
        tuple(_stored_job(number, name, points) for number, name in enumerate(points)),
    )


def _stored_job(
    number: int, name: str, points: Mapping[str, Point | UnreadableRecord | None]
) -> Job:
    point = points[name]
    if not isinstance(point, Point):
        return Job(number, "unreadable", str(point), None, name)
    settings = _scalars(point.value("config") or {})
    if point.record.get("status") != "ok":
        reason = _reason(point.record.get("error")) or "no reason recorded"
        return Job(number, "failed", reason, settings, name, point)
    baseline = point if point.is_baseline else points.get(str(point.record.get("baseline_id")))
    usable = isinstance(baseline, Point) and baseline.record.get("status") == "ok"
    return Job(number, "ok", None, settings, name, point, baseline if usable else None)  # type: ignore[arg-type]


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
        pointer = _read_json(path)
    except UnreadableRecord as error:
        return Job(number, "unreadable", str(error))
    overrides = parse_overrides(pointer.get("overrides") or [])
    point_id = pointer.get("id")
    reason = _reason(pointer.get("error"))
    if point_id is None or "store" not in pointer:
        status: Status = "failed" if pointer.get("status") == "failed" else "unreadable"
        return Job(number, status, reason or "point.json names no point", overrides, point_id)
    store = sweep / pointer["store"]
    try:
        point = _load_point(store, point_id)
    except UnreadableRecord as error:
        return Job(number, "unreadable", str(error), overrides, point_id)
    if point is None:
        if pointer.get("status") == "failed":
            return Job(number, "failed", reason, overrides, point_id)
        return Job(number, "not finished", "no record.json yet", overrides, point_id)
    if point.record.get("status") != "ok":
        reason = _reason(point.record.get("error")) or reason
        return Job(number, "failed", reason or "no reason recorded", overrides, point_id, point)
    return Job(
        number, "ok", None, overrides, point_id, point, _load_baseline(store, point, baselines)
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
        try:
            found = _load_point(store, baseline_id)
        except UnreadableRecord:
            found = None
        known[place] = found if found is not None and found.record.get("status") == "ok" else None
    return known[place]


def _load_point(store: Path, point_id: str) -> Point | None:
    path = store / point_id / "record.json"
    if not path.is_file():
        return None
    record = _read_json(path)
    try:
        check_digest(path)
    except FileNotFoundError as error:
        raise UnreadableRecord("record.json: there is no SHA256SUMS beside it") from error
    except (OSError, ValueError) as error:
        raise UnreadableRecord(f"record.json: {error}") from error
    if record.get("schema") != SCHEMA:
        found = record.get("schema")
        raise UnreadableRecord(f"record.json: schema {SCHEMA} expected, got {found!r}")
    return Point(path.parent, record)


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableRecord(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise UnreadableRecord(f"{path.name}: an object expected, got {type(content).__name__}")
    return content


def _reason(error: Mapping[str, Any] | None) -> str | None:
    return f"{error.get('type')}: {error.get('message')}" if error else None


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
