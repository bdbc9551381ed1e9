"""Whether there is room where a command will write: tried before anything is sampled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.files import why_no_file, why_not_writable
from pab_bench.problems import InvalidSettings, Problem

_OF_RESULTS = {
    "run": ("points", "tapes"),
    "sample": ("tapes",),
    "claims": ("points", "tapes", "claims"),
    "advise": ("points", "tapes", "lags", "advice"),
    "calibrate": ("calibrations",),
    "scaling": ("predictions",),
}
"""Per task what it writes below `results_dir`, besides the folder of the run."""
_WITH_RUNS = ("run", "sample")


def check_places(grid: Grid) -> None:
    """Try every folder and file that the tasks of a grid write.

    Raises:
        ConfigError: with every place in which nothing can be written.
    """
    places = dict.fromkeys(place for point in grid.points for place in _places(point.settings))
    if grid.directory is not None and grid.task in _WITH_RUNS:
        key = "hydra.sweep.dir" if grid.multirun else "hydra.run.dir"
        places[key, grid.directory] = None
    # A folder that cannot be made is told once, and not with all that would lie in it.
    told: list[Path] = []
    found = []
    for key, place in places:
        if any(map(place.is_relative_to, told)):
            continue
        reason = why_no_file(place) if key == "json" else why_not_writable(place)
        if reason is not None:
            told.append(place)
            found.append(Problem(f"{key}={place}", f"nothing can be written there: {reason}"))
    if found:
        raise InvalidSettings(found)


def _places(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.task in _OF_RESULTS:
        yield "results_dir", settings.results_dir
        for name in _OF_RESULTS[settings.task]:
            yield "results_dir", settings.results_dir / name
        if settings.tracking.name == "wandb":
            yield "results_dir", settings.results_dir / "wandb"
    if settings.json is not None:
        yield "json", settings.json
    if settings.task == "sample" and settings.sample.folder is not None:
        yield "sample.folder", settings.sample.folder
