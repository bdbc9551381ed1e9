"""Whether there is room where a command will write: tried before anything is sampled."""

from __future__ import annotations

from pathlib import Path

from pab_bench.config.grid import Grid
from pab_bench.files import why_not_writable
from pab_bench.problems import InvalidSettings, Problem

_WITHOUT_STORE = ("plan", "cost")


def check_places(grid: Grid) -> None:
    """Try every folder that the tasks of a grid write into.

    Raises:
        ConfigError: with every folder in which nothing can be written.
    """
    wanted: dict[tuple[str, Path], None] = {}
    for settings in (point.settings for point in grid.points):
        if settings.task not in _WITHOUT_STORE:
            wanted["results_dir", settings.results_dir] = None
        if settings.json is not None:
            wanted["json", settings.json.parent] = None
        if settings.task == "sample" and settings.sample.folder is not None:
            wanted["sample.folder", settings.sample.folder] = None
    found = [
        Problem(f"{key}={folder}", f"nothing can be written there: {reason}")
        for key, folder in wanted
        if (reason := why_not_writable(folder)) is not None
    ]
    if found:
        raise InvalidSettings(found)
