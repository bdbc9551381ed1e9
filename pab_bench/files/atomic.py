"""Writes a file at once: whoever looks finds the old one, the new one, or none."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from pab_bench.files.writer import temporary_name

_log = logging.getLogger(__name__)
_ASIDE = "in-the-way"


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

    A folder in its place is kept, under another name.

    Args:
        path: where to; its folder is made.
        content: all of it.
        lasting: wait until it is on the disk, so that it survives a power failure. Without, it is
            whole after a crash of the program, but perhaps not after one of the machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.name))
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        try:
            os.replace(temporary, path)
        except IsADirectoryError:
            _set_aside(path)
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _set_aside(folder: Path) -> None:
    numbered = (folder.with_name(f"{folder.name}.{_ASIDE}-{n}") for n in range(1, 1000))
    place = next(place for place in numbered if not os.path.lexists(place))
    os.rename(folder, place)
    _log.warning("%s was a folder, which is no result; it is kept as %s", folder, place.name)
