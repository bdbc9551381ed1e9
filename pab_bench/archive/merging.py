"""Puts unpacked points into a results folder that may have some of them already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pab_bench.archive.names import POINTS, SUMS, is_large
from pab_bench.archive.staging import Staged
from pab_bench.files import check_listed, parse_digests
from pab_bench.names import Locks
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.timings.store import add_timings, read_timings

Fate = Literal["added", "completed", "kept", "kept: its numbers are others"]


@dataclass
class Merged:
    """What became of every point.

    Attributes:
        points: by address. A point that was there is kept; it is `completed` if it had no videos
            and the archive does; a damaged one counts as not there.
        timings: how many timing passes are new.
    """

    points: dict[str, Fate] = field(default_factory=dict)
    timings: int = 0


def merge(staged: Staged, results: Path, locks: Locks = "flock") -> Merged:
    """Move checked points, one at a time and each whole, into a store, and add their timings.

    Args:
        staged: what was unpacked, on the same file system.
        results: the results folder.
        locks: how its processes keep out of each other's way.
    """
    merged = Merged()
    store = Store(results, locks)
    store.points.mkdir(parents=True, exist_ok=True)
    for identifier, record in staged.records.items():
        with store.lock(identifier):
            merged.points[identifier] = _place(staged, record, store)
    for timed in staged.timings:
        there = read_timings(results, timed.key)
        new = replace(
            timed,
            passes=tuple(p for p in timed.passes if not _is_in(p, there.passes)),
            videos=tuple(v for v in timed.videos if not _is_in(v, there.videos)),
        )
        merged.timings += len(new.passes) + len(new.videos)
        if new.passes or new.videos or set(new.plans) - set(there.plans):
            add_timings(results, new, locks)
    return merged


def _place(staged: Staged, record: Record, store: Store) -> Fate:
    new, there = staged.folder / POINTS / record.id, store.folder(record.id)
    known = _digests_there(there, record)
    if known is None:
        store.put(new, record.id)
        return "added"
    lacks = any(not (there / name).is_file() for name in record.files)
    if lacks and staged.has_videos(record.id):
        store.put(new, record.id)
        return "completed"
    own = parse_digests((new / SUMS).read_text(encoding="utf-8"))
    decisive = [name for name in own if is_large(name) or name == "metrics.parquet"]
    same = all(own[name] == known.get(name) for name in decisive)
    return "kept" if same else "kept: its numbers are others"


def _digests_there(folder: Path, record: Record) -> dict[str, str] | None:
    """The digests of a point that is there; None if it is none that can be trusted."""
    try:
        check_listed(folder, ["record.json", *(n for n in record.files if not is_large(n))])
        return parse_digests((folder / SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _is_in(one: object, others: tuple[object, ...]) -> bool:
    return any(one == other for other in others)
