"""Unpacks an archive into a folder of its own, as a results folder, and checks what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pab_bench.archive.names import POINTS, SUMS, TIMINGS, is_large, split
from pab_bench.archive.origin import with_origin
from pab_bench.archive.reading import Archive
from pab_bench.archive.records import RECORD, check_record, missing_files
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.tables import check_file
from pab_bench.archive.times import check_timings
from pab_bench.files import digests_text, file_digest, parse_digests, write_json
from pab_bench.store.records import Record
from pab_bench.timings.store import Timings


@dataclass(frozen=True)
class Staged:
    """What an archive holds, unpacked and checked.

    Attributes:
        archive: the archive.
        folder: a results folder with nothing else in it.
        records: the points, by address, with their origin.
        timings: what was timed where they were made.
    """

    archive: Archive
    folder: Path
    records: Mapping[str, Record]
    timings: tuple[Timings, ...]

    def has_videos(self, identifier: str) -> bool:
        """Whether a point came with all of its files."""
        folder = self.folder / POINTS / identifier
        return all((folder / name).is_file() for name in self.records[identifier].files)


def stage(archive: Archive, folder: Path) -> Staged:
    """Unpack all of an archive and check it.

    Args:
        archive: as `open_archive` gives it.
        folder: where to; empty.

    Raises:
        ArchiveRefused: naming the file that is not what its name says.
        OSError: if something cannot be written.
    """
    of_points: dict[str, list[str]] = {}
    for name in archive.files:
        found = split(name)
        if found is not None:
            of_points.setdefault(found[0], []).append(found[1])
    records = {point: _point(archive, folder, point, names) for point, names in of_points.items()}
    unknown = sorted({*archive.manifest.commands} - set(records))
    if unknown:
        raise ArchiveRefused(f"{archive.path.name}: manifest.json: has no point {unknown[0]}")
    timings = [_timings(archive, folder, n) for n in archive.files if n.startswith(f"{TIMINGS}/")]
    return Staged(archive, folder, records, tuple(timings))


def _point(archive: Archive, folder: Path, identifier: str, names: list[str]) -> Record:
    place = folder / POINTS / identifier
    place.mkdir(parents=True)
    name = RECORD
    try:
        for required in (RECORD, SUMS):
            if required not in names:
                raise ValueError("is missing" if required == RECORD else f"{required} is missing")
        record = check_record(archive.json(f"{POINTS}/{identifier}/{RECORD}"), identifier)
        for name in names:
            (place / name).parent.mkdir(exist_ok=True)
            archive.copy(f"{POINTS}/{identifier}/{name}", place / name)
            check_file(place / name, name)
        name = SUMS
        digests = _check_sums(archive, place, record, names)
    except ValueError as error:
        reason = f"{POINTS}/{identifier}/{name}: {error}"
        raise ArchiveRefused(f"{archive.path.name}: {reason}") from error
    record = with_origin(record, archive)
    write_json(place / RECORD, record.to_json())
    digests[RECORD] = file_digest(place / RECORD)
    (place / SUMS).write_text(digests_text(digests), encoding="utf-8")
    return record


def _check_sums(archive: Archive, place: Path, record: Record, names: list[str]) -> dict[str, str]:
    """The digests by the point itself, which also has those of files that did not come along."""
    digests = parse_digests((place / SUMS).read_text(encoding="utf-8"))
    if set(digests) != {RECORD, *record.files}:
        raise ValueError("does not list the files of the record")
    if missing := missing_files(record, dict.fromkeys(names)):
        raise ValueError(f"{missing[0]} is listed and not there")
    for name in names:
        if name == SUMS:
            continue
        if digests.get(name) != archive.files[f"{POINTS}/{place.name}/{name}"].digest:
            raise ValueError(f"{name} is not what was written when the point was made")
    if any(is_large(n) and n not in names for n in record.files) and archive.manifest.videos:
        raise ValueError("a video is listed and not there")
    return digests


def _timings(archive: Archive, folder: Path, name: str) -> Timings:
    (folder / TIMINGS).mkdir(exist_ok=True)
    archive.copy(name, folder / name)
    try:
        return check_timings(folder / name)
    except ValueError as error:
        raise ArchiveRefused(f"{archive.path.name}: {name}: {error}") from error
