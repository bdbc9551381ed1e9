"""Digests of the files of a folder, which tell whether they are still what was written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pab_bench.files.atomic import write_bytes

NAME = "SHA256SUMS"
"""The digests of a folder, as `sha256sum -c SHA256SUMS` reads them."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")


def write_digests(folder: Path) -> None:
    """Write `SHA256SUMS` for all files below `folder`."""
    digests = {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    (folder / NAME).write_text(digests_text(digests), encoding="utf-8")


def digests_text(digests: Mapping[str, str]) -> str:
    r"""Write digests by name as the lines of a `SHA256SUMS`.

    >>> digests_text({"a": "00"})
    '00  a\n'
    """
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def parse_digests(text: str) -> dict[str, str]:
    """Read the digests by name from what `digests_text` wrote, whoever may have changed it.

    Raises:
        ValueError: if a line is none, or a name is there twice.
    """
    found: dict[str, str] = {}
    for line in text.splitlines(keepends=True):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found:
            raise ValueError(f"line {len(found) + 1} is no digest with a name of its own")
        found[match[2]] = match[1]
    return found


def write_with_digest(path: Path, content: bytes) -> None:
    """Write a file at once, and beside it its digest, as `sha256sum -c NAME.sha256` reads it."""
    write_bytes(path, content, lasting=True)
    line = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    write_bytes(_beside(path), line.encode(), lasting=True)


def read_with_digest(path: Path) -> bytes:
    """Read what `write_with_digest` wrote.

    Raises:
        OSError: if it, or its digest, is missing, or cannot be read.
        ValueError: if it is not what was written.
    """
    content = path.read_bytes()
    line = _beside(path).read_text(encoding="utf-8")
    if line != f"{hashlib.sha256(content).hexdigest()}  {path.name}\n":
        raise ValueError(f"it is not what was written ({_beside(path).name})")
    return content


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def check_digest(path: Path) -> None:
    """Compare one file with the `SHA256SUMS` beside it.

    Raises:
        OSError: if one of both is missing, or cannot be read.
        ValueError: if the file is not what was written, or has no digest.
    """
    check_listed(path.parent, [path.name])


def check_listed(folder: Path, names: Iterable[str]) -> None:
    """Compare some files of a folder with its `SHA256SUMS`.

    Args:
        folder: the folder.
        names: of the files, relative to it, with `/` between folders.

    Raises:
        OSError: if one of them, or `SHA256SUMS`, is missing, or cannot be read.
        ValueError: naming the first file that is not what was written, or that has no digest.
    """
    digests = _read(folder)
    for name in names:
        if name not in digests:
            raise ValueError(f"{name} has no digest in {NAME}")
        _compare(folder, name, digests[name])


def check_digests(folder: Path) -> None:
    """Compare all files with `SHA256SUMS`.

    Raises:
        OSError: if it, or a file, is missing, or cannot be read.
        ValueError: naming the first file that is not what was written, or that has no digest.
    """
    digests = _read(folder)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != NAME and name not in digests:
            raise ValueError(f"{name} has no digest in {NAME}")
    for name, digest in digests.items():
        _compare(folder, name, digest)


def _read(folder: Path) -> dict[str, str]:
    lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _compare(folder: Path, name: str, digest: str) -> None:
    if file_digest(folder / name) != digest:
        raise ValueError(f"{name} is not what was written ({NAME})")


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
