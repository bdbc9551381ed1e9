"""One file of an archive that is to be written."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pab_bench.files import file_digest


@dataclass(frozen=True)
class Member:
    """A file that goes into an archive.

    Attributes:
        name: within the archive.
        source: where it lies, or what it contains.
        size: in bytes.
        digest: SHA-256 in hexadecimal.
    """

    name: str
    source: Path | bytes
    size: int
    digest: str

    def open(self) -> BinaryIO:
        """Open it for reading."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")


def member(name: str, source: Path | bytes) -> Member:
    """Describe a file; of one on disk, all of it is read.

    Raises:
        OSError: if it cannot be read.
    """
    if isinstance(source, bytes):
        return Member(name, source, len(source), hashlib.sha256(source).hexdigest())
    return Member(name, source, source.stat().st_size, file_digest(source))
