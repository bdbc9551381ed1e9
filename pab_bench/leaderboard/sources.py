"""Reads the archives and results folders that a leaderboard is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.data import SweepData
from analysis.errors import AnalysisError
from analysis.load import load_sweep
from pab_bench.archive.origin import machine_of
from pab_bench.archive.reading import Archive, open_archive
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.staging import stage

_DIGEST = 16


@dataclass(frozen=True)
class Source:
    """One place that points are from.

    Attributes:
        number: from 1, as rows name it.
        name: of the file or folder.
        about: what is known of it: digest, date, machine.
        data: its points.
    """

    number: int
    name: str
    about: str
    data: SweepData

    def __str__(self) -> str:
        """Number, name and what is known, as a note has it."""
        return f"[{self.number}] {self.name}: {self.about}"


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[list[Source]]:
    """Read sources; archives are checked and unpacked, for as long as the sources are used.

    Raises:
        ArchiveRefused: if one is neither an archive nor a folder with points.
    """
    with TemporaryDirectory(prefix="pab_bench-leaderboard-") as scratch:
        yield [_source(n, path, Path(scratch, str(n))) for n, path in enumerate(paths, start=1)]


def _source(number: int, path: Path, scratch: Path) -> Source:
    archive = None
    folder = path
    if not path.is_dir():
        archive = open_archive(path)
        scratch.mkdir()
        stage(archive, scratch)
        folder = scratch
    try:
        data = SweepData(load_sweep(folder))
    except AnalysisError as error:
        raise ArchiveRefused(str(error)) from error
    return Source(number, path.resolve().name, _about(archive, data), data)


def _about(archive: Archive | None, data: SweepData) -> str:
    if archive is not None:
        machines = " | ".join(archive.manifest.machines)
        return f"sha256 {archive.digest[:_DIGEST]}, {archive.manifest.date}, made on {machines}"
    made = [point.value("provenance") or {} for _, point in data.sweep.finished]
    machines = " | ".join(_unique(machine_of(entry) for entry in made))
    newest = max((str(entry.get("created", "")) for entry in made), default="")
    return f"a folder, {newest}, made on {machines or 'nothing'}"


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
