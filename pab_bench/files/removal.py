"""Removes whatever lies at a path."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path


def unlink(path: Path) -> None:
    """Remove a file, if there is one; a folder in its place stays."""
    with suppress(OSError):
        path.unlink()


def remove(path: Path) -> bool:
    """Remove a file, or a folder with all that is in it; whether nothing is there any more."""
    try:
        path.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # The latter on macOS, for a folder.
        shutil.rmtree(path, ignore_errors=True)
    except OSError:  # What should be its folder is a file: so it is not there.
        pass
    try:
        path.lstat()
    except OSError:
        return True
    return False
