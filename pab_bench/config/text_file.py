"""Reads a text file that a user names, whatever lies there."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

_MARKS = (
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
)


class NotText(Exception):
    """What lies at a path is no text that can be used; the message says why."""


def read_text(path: Path, most_bytes: int) -> str:
    """Read a file in UTF-8, or in what its byte order mark says; the mark is no part of the text.

    Args:
        path: the file; `~` is the home folder.
        most_bytes: of the largest file that can be meant.

    Raises:
        NotText: if there is no such file, if it is none that ends, too large, or no text.
    """
    try:
        path = path.expanduser()
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe or a device may never end, and cannot be read again for the next point.
            what = "a folder" if path.is_dir() else "no regular file"
            raise NotText(f"cannot be read: it is {what}")
        if status.st_size > most_bytes:
            raise NotText(f"is larger than {most_bytes} bytes")
        # What says that it is empty and is not, below /proc, may make its reader wait.
        content = path.read_bytes() if status.st_size else b""
    except OSError as error:
        raise NotText(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RuntimeError) as error:  # A NUL in the path; no such user's home.
        raise NotText(f"cannot be read: {error}") from error
    encoding, name = "utf-8", "UTF-8"
    for mark, codec, label in _MARKS:
        if content.startswith(mark):
            encoding, name = codec, label
            break
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotText(f"is no text in {name} (line {line})") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NotText(f"is no text: line {line} has a NUL; save it as UTF-8")
    return text
