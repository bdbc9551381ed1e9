"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON and put it in place at once.

    Args:
        path: where to; its folder is made.
        content: plain data; NaN and infinity are refused, since JSON has none.
    """
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_bytes(path, text.encode(), lasting=True)


def write_bytes(path: Path, content: bytes, lasting: bool = False) -> None:
    """Write a file and put it in place at once.

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
