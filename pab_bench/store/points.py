"""The store: content-addressed grid points, written whole, guarded by a lock."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from pab_bench.files import check_digests, write_digests, write_json
from pab_bench.store.records import SCHEMA, PointData, Record
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
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.points = results / "points"

    def folder(self, identifier: str) -> Path:
        """Where a point lies, or will lie."""
        return self.points / identifier

    @contextmanager
    def lock(self, identifier: str) -> Iterator[None]:
        """Hold the right to make a point; others wait."""
        locks = self.points / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{identifier}.lock"):
            # What a killed process has left; who holds the lock is the only one to write.
            for pattern in (f".{identifier}-*", f".old-{identifier}-*"):
                for left in self.points.glob(pattern):
                    shutil.rmtree(left, ignore_errors=True)
            yield

    def records(self) -> Iterator[Record]:
        """All records that can be read; their tables and videos are not looked at."""
        for path in sorted(self.points.glob("*/record.json")):
            record = self.load(path.parent.name, verify=False)
            if record is not None:
                yield record

    def load(self, identifier: str, verify: bool = True) -> Record | None:
        """The record of a point, or None if there is none that can be trusted.

        A record that cannot be read, or belongs to another point, or lies beside files that are
        not those that were written, is named in the log and counts as absent, so that the point
        is computed again.

        Args:
            identifier: the point's address.
            verify: whether to read all files and compare their digests, not just their names.
        """
        path = self.folder(identifier) / "record.json"
        if not path.exists():
            return None
        try:
            record = Record.from_json(json.loads(path.read_text()))
            if record.id != identifier:
                raise ValueError(f"it is the record of point {record.id}")
            if record.status == "ok":
                missing = [n for n in record.files if not (self.folder(identifier) / n).exists()]
                if missing:
                    raise ValueError(f"files are missing: {', '.join(missing)}")
            if verify:
                check_digests(self.folder(identifier))
        except (OSError, ValueError, KeyError, TypeError) as error:
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
        self.points.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=self.points, prefix=f".{record.id}-"))
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
            self._replace(temporary, self.folder(record.id))
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return record

    def _replace(self, new: Path, place: Path) -> None:
        # A folder cannot replace a non-empty one in a single step, so the old one moves away
        # first; a kill in between leaves no point, never half of one.
        if place.exists():
            old = Path(tempfile.mkdtemp(dir=self.points, prefix=f".old-{place.name}-"))
            os.replace(place, old / "point")
            os.replace(new, place)
            shutil.rmtree(old)
        else:
            os.replace(new, place)

    def frames(self, identifier: str, prompt: int, seed: int) -> npt.NDArray[np.uint8]:
        """A point's video, uint8 (frames, height, width, 3)."""
        from safetensors.numpy import load_file

        path = self.folder(identifier) / "videos" / f"{prompt:03d}-{seed}.safetensors"
        frames: npt.NDArray[np.uint8] = load_file(path)["frames"]
        return frames
