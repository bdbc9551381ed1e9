"""Which files of a results folder go into an archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pab_bench.archive.blocks import LARGEST
from pab_bench.archive.commands import commands_of
from pab_bench.archive.manifest import Manifest
from pab_bench.archive.member import Member, member
from pab_bench.archive.names import POINTS, SUMS, TIMINGS, is_large
from pab_bench.archive.origin import machine_of
from pab_bench.archive.places import MOST_JSON_BYTES
from pab_bench.archive.records import RECORD, check_record
from pab_bench.archive.tables import check_file
from pab_bench.archive.times import check_timings
from pab_bench.files import check_listed, parse_digests, read_json
from pab_bench.store.records import Record
from pab_bench.timings.key import timings_key
from pab_bench.timings.store import timings_path


@dataclass
class Gathered:
    """What an archive will hold.

    Attributes:
        members: the files.
        records: the points, by address.
        manifest: what the archive says of itself.
        left_out: what cannot travel, each with its reason.
    """

    members: list[Member]
    records: Mapping[str, Record]
    manifest: Manifest
    left_out: list[str] = field(default_factory=list)


def gather(folders: Iterable[Path], videos: bool) -> Gathered:
    """Read points and their timings, and check them as whoever unpacks them will.

    Args:
        folders: of points, `results/points/<id>`.
        videos: whether frames, mp4 files and attention maps go along.

    Returns:
        The files; points that are not what was written, and damaged timings, are left out.
    """
    records: dict[str, Record] = {}
    members: list[Member] = []
    left_out: list[str] = []
    timed: dict[Path, None] = {}
    baselines: dict[Path, dict[str, str | None]] = {}
    for folder in sorted(folders):
        results = folder.parent.parent
        try:
            record = check_record(read_json(folder / RECORD), folder.name)
            own = list(_members(folder, record, videos))
        except (OSError, ValueError) as error:
            left_out.append(f"point {folder.name}: {error}")
            continue
        records[record.id] = record
        members += own
        baselines.setdefault(results, {})[record.id] = record.baseline_id
        if (path := _timings(results, record)) is not None:
            timed[path] = None
    for path in timed:
        try:
            check_timings(path)
            members.append(_member(f"{TIMINGS}/{path.name}", path))
        except (OSError, ValueError) as error:
            left_out.append(f"{TIMINGS}/{path.name}: {error}")
    commands = {
        point: lines
        for results, points in baselines.items()
        for point, lines in commands_of(results, points).items()
    }
    return Gathered(members, records, _manifest(records, videos, commands), left_out)


def _members(folder: Path, record: Record, videos: bool) -> Iterator[Member]:
    names = [name for name in record.files if videos or not is_large(name)]
    check_listed(folder, [RECORD, *names])
    digests = parse_digests((folder / SUMS).read_text(encoding="utf-8"))
    if set(digests) != {RECORD, *record.files}:
        raise ValueError(f"{SUMS} does not list the files of the record")
    for name in names:
        check_file(folder / name, name)
    for name in (RECORD, SUMS, *names):
        yield _member(f"{POINTS}/{record.id}/{name}", folder / name)


def _member(name: str, path: Path) -> Member:
    """Describe a file.

    Raises:
        ValueError: if it is larger than an archive, or whoever reads one, can take.
    """
    most = LARGEST if path.suffix in (".parquet", ".safetensors", ".mp4") else MOST_JSON_BYTES
    if path.stat().st_size > most:
        raise ValueError(f"{path.name}: {path.stat().st_size} bytes; at most {most} can travel")
    return member(name, path)


def _timings(results: Path, record: Record) -> Path | None:
    """The file of a point's timings; None if there is none."""
    try:
        path = timings_path(results, timings_key(record.config, record.provenance))
    except (KeyError, IndexError, TypeError):  # A record of before, which does not say enough.
        return None
    return path if path.is_file() else None


def _manifest(
    records: Mapping[str, Record], videos: bool, commands: Mapping[str, tuple[str, ...]]
) -> Manifest:
    made = [record.provenance for record in records.values()]
    versions: dict[str, set[str]] = {}
    for entry in made:
        for name, version in entry.get("versions", {}).items():
            versions.setdefault(name, set()).add(version)
    return Manifest(
        date=max((str(entry.get("created", "")) for entry in made), default=""),
        machines=tuple(sorted({machine_of(entry) for entry in made})),
        versions={name: tuple(sorted(found)) for name, found in versions.items()},
        videos=videos,
        commands=commands,
    )
