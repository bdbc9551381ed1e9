"""Files that are either whole or not there, and digests that tell whether a folder still is."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

NAME = "SHA256SUMS"
"""The digests of a folder, as `sha256sum -c SHA256SUMS` reads them."""


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as JSON and put it in place at once.

    Args:
        path: where to; its folder is made.
        content: plain data; NaN and infinity are refused, since JSON has none.
    """
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
    return write_bytes(path, text.encode(), lasting=True)


def write_text(path: Path, content: str) -> Path:
    """As `write_bytes`, for text: UTF-8 and the same line ends on every system."""
    return write_bytes(path, content.encode("utf-8"))


def write_bytes(path: Path, content: bytes, lasting: bool = False) -> Path:
    """Write a file, put it in place at once, and return its path.

    Args:
        path: where to; its folder is made.
        content: all of it.
        lasting: wait until it is on the disk, so that it survives a power failure. Without, it is
            whole after a crash of the program, but perhaps not after one of the machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner may read.
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def write_digests(folder: Path) -> None:
    """Write `SHA256SUMS` for all files below `folder`."""
    lines = [
        f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    (folder / NAME).write_text("".join(lines))


def check_digest(path: Path) -> None:
    """Compare one file with the `SHA256SUMS` beside it.

    Raises:
        OSError: if one of both is missing.
        ValueError: if the file is not what was written, or has no digest.
    """
    lines = (path.parent / NAME).read_text().splitlines()
    if f"{_digest(path)}  {path.name}" not in lines:
        raise ValueError(f"{path.name} is not what was written ({NAME})")


def check_digests(folder: Path) -> None:
    """Compare all files with `SHA256SUMS`.

    Raises:
        OSError: if it, or a file, is missing.
        ValueError: naming the first file that is not what was written, or that has no digest.
    """
    lines = (folder / NAME).read_text().splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != NAME and name not in digests:
            raise ValueError(f"{name} has no digest in {NAME}")
    for name, digest in digests.items():
        if _digest(folder / name) != digest:
            raise ValueError(f"{name} is not what was written")


def why_not_writable(folder: Path) -> str | None:
    """Say why nothing can be written into a folder that may not be there yet; None if it can.

    What is made for the trial has a name that nobody else uses, and is removed again.
    """
    try:
        place = next(place for place in (folder, *folder.parents) if place.exists())
        if not place.is_dir():
            return f"{place} is a file"
        with tempfile.TemporaryDirectory(dir=place, prefix=".trial-") as trial:
            (Path(trial) / "file").write_bytes(b"0")
    except OSError as error:
        return error.strerror or str(error)
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
