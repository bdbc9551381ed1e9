"""Reads an archive that anybody may have made: nothing is believed before all of it was checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pab_bench.archive.blocks import BLOCK, END, padding, read_header
from pab_bench.archive.manifest import Manifest
from pab_bench.archive.names import MANIFEST, MOST_FILES, SUMS, check_name
from pab_bench.archive.places import Place, bytes_at, json_at, read_at
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.files import parse_digests


@dataclass(frozen=True)
class Archive:
    """An archive whose form and checksums are right; its contents are others' to check.

    Attributes:
        path: the file.
        digest: its SHA-256 in hexadecimal.
        manifest: what it says of itself.
        files: by name, without manifest and checksums.
    """

    path: Path
    digest: str
    manifest: Manifest
    files: Mapping[str, Place]

    @property
    def bytes(self) -> int:
        """What all files take together."""
        return sum(place.size for place in self.files.values())

    def copy(self, name: str, to: Path) -> None:
        """Write one file to a new place; its folder must be there.

        Raises:
            ArchiveRefused: if the archive has changed meanwhile.
            OSError: if it cannot be written.
        """
        own = hashlib.sha256()
        with self.path.open("rb") as file, to.open("xb") as target:
            for part in bytes_at(file, self.files[name]):
                own.update(part)
                target.write(part)
        if own.hexdigest() != self.files[name].digest:
            raise ArchiveRefused(f"{self.path.name}: {name}: has changed while it was read")

    def json(self, name: str) -> Any:
        """Read one file as JSON.

        Raises:
            ArchiveRefused: if it is none, or larger than any that pab_bench writes.
        """
        with self.path.open("rb") as file:
            return json_at(file, name, self.files[name])


def open_archive(path: Path) -> Archive:
    """Read an archive from its first byte to its last, and check its form and all checksums.

    Raises:
        ArchiveRefused: naming the file in it that is not what it should be.
        OSError: if it cannot be read.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "is not there"
        raise ArchiveRefused(f"{path}: {what}; an archive of pab_bench expected")
    try:
        with path.open("rb") as file:
            return _open(path, file)
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{path.name}: {error}") from error


def _open(path: Path, file: BinaryIO) -> Archive:
    total = path.stat().st_size
    digest = hashlib.sha256()
    places: dict[str, Place] = {}
    last = ""
    while (block := file.read(BLOCK)) != bytes(BLOCK):
        digest.update(block)
        if len(block) < BLOCK:
            raise ArchiveRefused("is cut off, or no archive of pab_bench")
        name, size = read_header(block)
        check_name(name)
        _check_order(name, last, len(places), places)
        offset, last = file.tell(), name
        if offset + size + padding(size) + len(END) > total:
            raise ArchiveRefused(f"{name}: says {size} bytes, more than there are: it is cut off")
        own = hashlib.sha256()
        for part in bytes_at(file, Place(offset, size, "")):
            own.update(part)
            digest.update(part)
        digest.update(filler := file.read(padding(size)))
        if any(filler):
            raise ArchiveRefused(f"{name}: is followed by something else")
        places[name] = Place(offset, size, own.hexdigest())
    end = block + file.read(len(END))
    if end != END:
        raise ArchiveRefused("does not end where an archive ends")
    digest.update(end)
    manifest = _check_sums(file, places)
    files = {name: place for name, place in places.items() if name not in (MANIFEST, SUMS)}
    return Archive(path, digest.hexdigest(), manifest, files)


def _check_order(name: str, last: str, number: int, known: Mapping[str, Place]) -> None:
    if name in known:
        raise ArchiveRefused(f"{name}: is there twice")
    if number >= MOST_FILES + 2:
        raise ArchiveRefused(f"has more than {MOST_FILES} files")
    fixed = (MANIFEST, SUMS)
    if (number < len(fixed) and name != fixed[number]) or (number > len(fixed) and name < last):
        raise ArchiveRefused(f"{name}: is not in its place; files are in order of their names")


def _check_sums(file: BinaryIO, places: Mapping[str, Place]) -> Manifest:
    if SUMS not in places:
        raise ArchiveRefused(f"has no {MANIFEST} and {SUMS}")
    # The version first: another one may keep its checksums elsewhere.
    manifest = Manifest.from_json(json_at(file, MANIFEST, places[MANIFEST]))
    try:
        sums = parse_digests(read_at(file, SUMS, places[SUMS]).decode())
    except ValueError as error:
        raise ArchiveRefused(f"{SUMS}: {error}") from error
    found = {name: place.digest for name, place in places.items() if name != SUMS}
    for name in sorted({*sums, *found}):
        if name not in found:
            raise ArchiveRefused(f"{name}: has a checksum and is not there")
        if sums.get(name) != found[name]:
            raise ArchiveRefused(f"{name}: is not what was packed (SHA-256)")
    return manifest
