"""Files within an archive that is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pab_bench.archive.refused import ArchiveRefused
from pab_bench.files import parse_json

MOST_JSON_BYTES = 2**26
"""Of a file that is read whole; a record has some ten thousand bytes, timings perhaps a million."""
_AT_ONCE = 2**20


@dataclass(frozen=True)
class Place:
    """Where in an archive a file lies.

    Attributes:
        offset: of its first byte.
        size: in bytes.
        digest: SHA-256 in hexadecimal.
    """

    offset: int
    size: int
    digest: str


def bytes_at(file: BinaryIO, place: Place) -> Iterator[bytes]:
    """Read a file, a part at a time."""
    file.seek(place.offset)
    left = place.size
    while left and (part := file.read(min(left, _AT_ONCE))):
        left -= len(part)
        yield part


def read_at(file: BinaryIO, name: str, place: Place) -> bytes:
    """Read a file whole.

    Raises:
        ArchiveRefused: if it is larger than any that is read so.
    """
    if place.size > MOST_JSON_BYTES:
        raise ArchiveRefused(f"{name}: {place.size} bytes are too many; at most {MOST_JSON_BYTES}")
    return b"".join(bytes_at(file, place))


def json_at(file: BinaryIO, name: str, place: Place) -> Any:
    """Read a file as JSON.

    Raises:
        ArchiveRefused: if it is none, or too large.
    """
    try:
        return parse_json(read_at(file, name, place).decode())
    except ValueError as error:
        raise ArchiveRefused(f"{name}: {error}") from error
