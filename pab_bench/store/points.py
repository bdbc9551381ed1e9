"""The store: content-addressed grid points, written whole, guarded by a lock."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.files import (
    check_digest,
    check_digests,
    read_json,
    remove,
    write_digests,
    write_json,
)
from pab_bench.files.writer import temporary_name
from pab_bench.names import Locks
from pab_bench.store.leftovers import clean_once
from pab_bench.store.locks import held
from pab_bench.store.records import SCHEMA, PointData, Record, Rows
from pab_bench.store.spread import spread

_log = logging.getLogger(__name__)


def point_id(identity: Mapping[str, Any]) -> str:
    """The address of a point: a digest of everything that determines its numbers."""
    text = json.dumps({"schema": SCHEMA, **identity}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Store:
    """The points below one results folder.

    Args:
        results: the folder; points lie in `results/points/<id>/`.
        locks: how processes that make points keep out of each other's way.
    """

    def __init__(self, results: Path, locks: Locks = "flock") -> None:
        self.results = results
        self.points = results / "points"
        self._locks: Locks = locks

    def folder(self, identifier: str) -> Path:
        """Where a point lies, or will lie."""
        return self.points / identifier

    @contextmanager
    def lock(self, identifier: str) -> Iterator[None]:
        """Hold the right to make a point; others wait.

        What killed processes have left is removed before the first one.

        Raises:
            LocksUnavailable: if the file system has no locks of the store's kind.
        """
        clean_once(self.results)
        with held(self.points / ".locks" / identifier, self._locks):
            # Who holds the lock is the only one to write.
            left = tuple(f".{old}{identifier}{end}" for old in ("", "old-") for end in ".-")
            for path in self.points.iterdir():
                if path.name.startswith(left):
                    remove(path)
            yield

    def records(self) -> Iterator[Record]:
        """All records that are what was written; their tables and videos are not looked at."""
        for path in sorted(self.points.glob("*/record.json")):
            record = self.load(path.parent.name, verify=False)
            if record is not None:
                yield record

    def load(self, identifier: str, verify: bool = True) -> Record | None:
        """The record of a point, or None if there is none that can be trusted.

        A record that cannot be read, or belongs to another point, or lies beside files that are
        not those that were written, is named in the log and counts as absent, so that the point
        is computed again. So does one that came from elsewhere without its videos.

        Args:
            identifier: the point's address.
            verify: whether to compare the digests of all files, not just the record's.
        """
        folder = self.folder(identifier)
        if not os.path.lexists(folder):
            return None
        path = folder / "record.json"
        try:
            check_digest(path)
            record = Record.from_json(read_json(path))
            if record.id != identifier:
                raise ValueError(f"it is the record of point {record.id}")
            if record.has_numbers:
                missing = [name for name in record.files if not (folder / name).exists()]
                if missing and record.archives:
                    level = logging.INFO if verify else logging.DEBUG
                    _log.log(level, "point %s came without its videos", identifier)
                    return None
                if missing:
                    raise ValueError(f"files are missing: {', '.join(missing)}")
            if verify:
                check_digests(folder)
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be used (%s); the point is computed again", path, error)
            return None
        return record

    def save(self, record: Record, data: PointData | None) -> Record:
        """Write a point in a temporary folder and move it into place.

        Args:
            record: what to keep; `files` and the time of writing them are filled in.
            data: tables and videos; None for a failed point.

        Returns:
            The record as written.
        """
        temporary = self.points / temporary_name(record.id)
        temporary.mkdir(parents=True)
        try:
            if data is not None:
                began = time.perf_counter()
                data.write(temporary)
                written = {"write_s": spread([time.perf_counter() - began])}
                record = replace(record, timing={**record.timing, **written})
            files = sorted(
                p.relative_to(temporary).as_posix() for p in temporary.rglob("*") if p.is_file()
            )
            record = record.with_files(files)
            write_json(temporary / "record.json", record.to_json())
            write_digests(temporary)
            temporary.chmod(0o755)
            self.put(temporary, record.id)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return record

    def amend(self, record: Record, metrics: Rows) -> Record:
        """Replace rows of what was measured of a point; its videos and other tables stay.

        Args:
            record: the point, with its new quality.
            metrics: rows of `metrics.parquet` that take the place of those of the same metrics.

        Returns:
            The record as written.
        """
        import pandas as pd

        temporary = self.points / temporary_name(record.id)
        try:
            shutil.copytree(self.folder(record.id), temporary)
            path = temporary / "metrics.parquet"
            before = pd.read_parquet(path) if path.exists() else pd.DataFrame()
            added = pd.DataFrame(metrics)
            if len(before) and len(added):
                before = before[~before["metric"].isin(set(added["metric"]))]
            table = pd.concat([part for part in (before, added) if len(part)] or [before])
            if len(table):
                table.to_parquet(path, index=False)
                record = record.with_files(sorted({*record.files, path.name}))
            write_json(temporary / "record.json", record.to_json())
            write_digests(temporary)
            self.put(temporary, record.id)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return record

    def put(self, new: Path, identifier: str) -> None:
        """Move a whole point into place; one that is there goes.

        Args:
            new: its folder, on the file system of the store.
            identifier: the point's address, whose lock is held.
        """
        # A folder cannot replace a non-empty one in a single step, so the old one moves away
        # first; a kill in between leaves no point, never half of one.
        place = self.folder(identifier)
        if not os.path.lexists(place):
            os.replace(new, place)
            return
        old = self.points / temporary_name(f"old-{place.name}")
        old.mkdir()
        os.replace(place, old / "point")
        os.replace(new, place)
        shutil.rmtree(old, ignore_errors=True)

    def frames(self, identifier: str, prompt: int, seed: int) -> npt.NDArray[np.uint8]:
        """A point's video, uint8 (frames, height, width, 3)."""
        from safetensors.numpy import load_file

        path = self.folder(identifier) / "videos" / f"{prompt:03d}-{seed}.safetensors"
        frames: npt.NDArray[np.uint8] = load_file(path)["frames"]
        return frames
