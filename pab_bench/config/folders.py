"""Whether there is a folder, whatever is given for one."""

from __future__ import annotations

from pathlib import Path


def is_folder(given: str) -> bool:
    """Whether a text names a folder that is there; `~` stands for the home folder."""
    try:
        return bool(given) and Path(given).expanduser().is_dir()
    except (OSError, RuntimeError):  # A name that is too long; nobody's home.
        return False
