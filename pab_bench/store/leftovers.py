"""Removes what killed processes have left in a results folder, wherever files are written."""

from __future__ import annotations

import logging
from pathlib import Path

from pab_bench.files import remove
from pab_bench.files.writer import is_left

_log = logging.getLogger(__name__)
_RUN = "*/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]_*"
_PLACES = (
    "",
    "*",
    "tapes/*",
    "claims/*",
    "advice/*",
    "wandb/sent",
    "analysis/*",
    _RUN,
    f"{_RUN}/tables",
    f"{_RUN}/figures",
    f"{_RUN}/[0-9]*",
)
"""Folders of a results folder whose own files are written one by one. A point is written whole."""

_clean: set[Path] = set()
"""Results folders in which this process has looked."""


def clean_once(results: Path) -> None:
    """`clean`, the first time that this process asks for a folder."""
    if results not in _clean:
        _clean.add(results)
        clean(results)


def clean(results: Path) -> list[Path]:
    """Remove what is half written below a results folder and whose writer is gone.

    What a process that is still there writes stays, on whichever machine it runs; see `is_left`.

    Returns:
        What was removed.
    """
    removed = []
    folders = {folder for place in _PLACES for folder in _folders(results, place)}
    for folder in sorted(folders):
        try:
            names = [path for path in folder.iterdir() if path.name.startswith(".")]
        except OSError:  # It is gone, or may not be read.
            continue
        removed += [path for path in names if is_left(path) and remove(path)]
    if removed:
        _log.info("%s: %d half-written files of killed processes removed", results, len(removed))
    return removed


def _folders(results: Path, place: str) -> list[Path]:
    if not place:
        return [results]
    return [path for path in results.glob(place) if path.is_dir()]
