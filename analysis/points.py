"""What a sweep holds: jobs, and the points (with their baselines) that they lead to."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import NothingToShow
from pab_bench.files import check_listed
from pab_bench.names import WITH_NUMBERS, PointStatus
from pab_bench.store.records import ARCHIVES

_log = logging.getLogger(__name__)
Status = PointStatus | Literal["not finished", "unreadable"]
_DIGEST = 12
_VIDEO = re.compile(r"(\d+)-(\d+)\.safetensors")
TableName = Literal["metrics", "steps", "curves", "plan"]


@dataclass(frozen=True)
class Point:
    """One measured configuration: its record, and its tables and videos on demand.

    Attributes:
        folder: where record.json lies.
        record: the content of record.json.
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The content address of the point."""
        return str(self.record["id"])

    @property
    def is_baseline(self) -> bool:
        """Whether nothing is reused in this point."""
        return bool(self.record.get("is_baseline"))

    @property
    def origin(self) -> str | None:
        """The archive that it came in, in words; None if it was made in its store."""
        archives = self.value("provenance", ARCHIVES)
        last = archives[-1] if isinstance(archives, list) and archives else None
        if not isinstance(last, Mapping):
            return None
        digest = str(last.get("sha256"))[:_DIGEST]
        return f"{last.get('archive')} (sha256 {digest}, {last.get('date')})"

    def value(self, *keys: str) -> Any:
        """The entry under nested `keys` of the record, or None where any of them is missing."""
        entry: Any = self.record
        for key in keys:
            if not isinstance(entry, Mapping):
                return None
            entry = entry.get(key)
        return entry

    def table(self, name: TableName) -> pd.DataFrame:
        """One of the point's parquet tables.

        Raises:
            NothingToShow: the point has no such table.
        """
        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            raise NothingToShow(f"point {self.id} has no {path.name}")
        return pd.read_parquet(path)

    def attention_maps(self) -> dict[str, npt.NDArray[Any]]:
        """Where attention outputs change; the tensors are those of the store's records.

        Raises:
            NothingToShow: they were not recorded, or are not what was written.
        """
        from safetensors.numpy import load_file

        path = self.folder / "attention_maps.safetensors"
        if not path.is_file():
            raise NothingToShow(f"point {self.id} has no {path.name}; record.attention_maps=true")
        self._check(path.name)
        return load_file(path)

    def videos(self) -> list[tuple[int, int]]:
        """(prompt index, seed) of the videos on disk, in order."""
        names = [path.name for path in (self.folder / "videos").glob("*-*.safetensors")]
        found = [match for name in names if (match := _VIDEO.fullmatch(name)) is not None]
        return sorted((int(match[1]), int(match[2])) for match in found)

    def frames(self, prompt: int, seed: int) -> npt.NDArray[np.uint8]:
        """The decoded frames of one video, uint8 of shape (frames, height, width, 3).

        Raises:
            NothingToShow: the video is not on disk, or not what was written.
        """
        from safetensors.numpy import load_file

        path = self.folder / "videos" / f"{prompt:03d}-{seed}.safetensors"
        if not path.is_file():
            raise NothingToShow(f"point {self.id} has no {path.parent.name}/{path.name}")
        self._check(f"videos/{path.name}")
        frames: npt.NDArray[np.uint8] = load_file(path)["frames"]
        return frames

    def _check(self, name: str) -> None:
        """Refuse a file that is not what was written."""
        try:
            check_listed(self.folder, [name])
        except (OSError, ValueError) as error:
            _log.warning("point %s: %s is left out: %s", self.id, name, error)
            raise NothingToShow(f"point {self.id}: {error}") from error


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        number: Hydra's job number; 0 for a single run.
        status: ok, reused_nothing or failed as recorded; "not finished" where the pointer or the
            record is not there yet; "unreadable" where one of them is damaged.
        error: why there are no numbers, else None.
        overrides: the job's overrides, key -> value as text; None where they are not known.
        point_id: the point that the job leads to, where known.
        point: the point, where its record is there.
        baseline: the baseline of the point; the point itself if it is one.
    """

    number: int
    status: Status
    error: str | None = None
    overrides: Mapping[str, str] | None = None
    point_id: str | None = None
    point: Point | None = None
    baseline: Point | None = None

    @property
    def has_numbers(self) -> bool:
        """Whether its point was computed."""
        return self.status in WITH_NUMBERS


@dataclass(frozen=True)
class Sweep:
    """All jobs of one sweep directory, sorted by number."""

    directory: Path
    jobs: tuple[Job, ...]

    @property
    def finished(self) -> list[tuple[Job, Point]]:
        """The jobs with numbers, each with its point."""
        return [(job, job.point) for job in self.jobs if job.has_numbers and job.point]

    @property
    def baselines(self) -> list[Point]:
        """Each baseline that a finished job is compared with, once, in the order of the jobs."""
        found = {job.baseline.id: job.baseline for job, _ in self.finished if job.baseline}
        return list(found.values())
