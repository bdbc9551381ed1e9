"""Writes an archive: the same bytes for the same files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from pab_bench.archive.blocks import END, header, padding
from pab_bench.archive.manifest import Manifest
from pab_bench.archive.member import Member, member
from pab_bench.archive.names import MANIFEST, MOST_FILES, SUMS, check_name
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.files import digests_text
from pab_bench.files.writer import temporary_name

_AT_ONCE = 2**20


def write_archive(path: Path, manifest: Manifest, members: Iterable[Member]) -> str:
    """Write an archive and put it in place at once; returns its SHA-256 in hexadecimal.

    `manifest.json` comes first, then `SHA256SUMS` of all files, then the others by name.

    Args:
        path: where to; its folder is made, a file in its place is replaced.
        manifest: what it says of itself.
        members: the files; names that an archive has, each once.

    Raises:
        ArchiveRefused: if a file has changed since it was described, or has no such name, or there
            are more of them than are ever read.
        OSError: if it cannot be written.
    """
    first = member(MANIFEST, manifest.to_bytes())
    others = sorted(members, key=lambda entry: entry.name)
    if len(others) > MOST_FILES:
        raise ArchiveRefused(f"{len(others)} files are too many for one archive: {MOST_FILES}")
    sums = digests_text({entry.name: entry.digest for entry in (first, *others)})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.name))
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as file:
            for entry in (first, member(SUMS, sums.encode()), *others):
                check_name(entry.name)
                for part in _parts(entry):
                    digest.update(part)
                    file.write(part)
            digest.update(END)
            file.write(END)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def _parts(entry: Member) -> Iterable[bytes]:
    yield header(entry.name, entry.size)
    own, size = hashlib.sha256(), 0
    with entry.open() as source:
        while part := source.read(_AT_ONCE):
            own.update(part)
            size += len(part)
            yield part
    if (size, own.hexdigest()) != (entry.size, entry.digest):
        raise ArchiveRefused(f"{entry.name}: has changed while it was packed")
    yield bytes(padding(size))
