"""Digests of a folder's files, as `sha256sum -c SHA256SUMS` reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def write_digests(folder: Path) -> None:
    """Write `SHA256SUMS` for all files below `folder`."""
    lines = [
        f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    (folder / NAME).write_text("".join(lines))


def check_digests(folder: Path) -> None:
    """Compare all files with `SHA256SUMS`.

    Raises:
        OSError: if it, or a file, is missing.
        ValueError: naming the first file that is not what was written.
    """
    for line in (folder / NAME).read_text().splitlines():
        digest, _, name = line.partition("  ")
        if _digest(folder / name) != digest:
            raise ValueError(f"{name} is not what was written")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
