"""Tries whether there is room for what will be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from pab_bench.files.writer import temporary_name


def why_not_writable(folder: Path) -> str | None:
    """Say why nothing can be written into a folder that may not be there yet; None if it can.

    What is made for the trial has a name that nobody else uses, and is removed again.
    """
    try:
        place = next(p for p in (folder, *folder.parents) if p.exists() or p.is_symlink())
        if not place.exists():
            return f"{place} is a link to nowhere"
        if not place.is_dir():
            return f"{place} is a file"
        trial = place / temporary_name("trial")
        trial.mkdir()
        try:
            (trial / "file").write_bytes(b"0")
        finally:
            shutil.rmtree(trial)
    except OSError as error:
        return error.strerror or str(error)
    return None


def why_no_file(path: Path) -> str | None:
    """Say why a file cannot be written, or replaced by another; None if it can."""
    try:
        if path.is_dir():
            return "it is a folder"
    except OSError as error:  # A name that is too long.
        return error.strerror or str(error)
    return why_not_writable(path.parent)
