"""`task=cost`: what every grid point would cost, without weights, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pab_bench.config.grid import Grid, GridPoint
from pab_bench.cost.communication import Communication, communication_of
from pab_bench.cost.communication_table import communication_notes, communication_table
from pab_bench.cost.conventions import CONVENTIONS, Convention, get_convention
from pab_bench.cost.estimate import Estimate, estimate
from pab_bench.cost.table import grid_table, kinds_table, notes, speed_lines, speeds_table
from pab_bench.files import write_json
from pab_bench.speed.known import KnownSpeeds
from pab_bench.systems.registry import get_blueprint
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.text.terminal import console as make_console
from pab_bench.timings.estimate import Speed


def cost(grid: Grid) -> int:
    """Print what the points cost, and write it to `json` if that is set.

    A single point's file is one object; a sweep's has them under `points`, each with its
    `overrides`. With `convention=all` a point is there once for every convention.

    Returns:
        Exit status 0.

    Raises:
        ConfigError: if a model is not known without its weights, or a window is to be told by
            curves that are not here.
    """
    grid = grid_with_windows(grid)
    estimates = [
        (point, estimate(point.settings, c)) for point in grid.points for c in _ways(point)
    ]
    console = make_console()
    known = KnownSpeeds()
    speeds = [known.speed(point.settings, e.plan) for point, e in estimates]
    exchanges = [_communication(point, e) for point, e in estimates]
    console.print(grid_table(estimates))
    if len(grid.points) == 1:
        console.print(kinds_table(estimates[0][1]))
    if any(found.activation is not None for found in exchanges):
        console.print(communication_table(estimates, exchanges))
    # A point is there once for every convention; its speed is the same.
    measured = {
        id(point): (point, speed)
        for (point, _), speed in zip(estimates, speeds, strict=True)
        if speed is not None
    }
    if measured:
        console.print(speeds_table(*zip(*measured.values(), strict=True)))
    lines = notes([e for _, e in estimates])
    lines += [*communication_notes([e for _, e in estimates], exchanges), *speed_lines(speeds)]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    path = grid.points[0].settings.json
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _content(grid, estimates, exchanges, speeds))
        console.print(f"written to {path}", highlight=False, soft_wrap=True)
    return 0


def _ways(point: GridPoint) -> list[Convention]:
    name = point.settings.convention
    return list(CONVENTIONS.values()) if name == "all" else [get_convention(name)]


def _communication(point: GridPoint, e: Estimate) -> Communication:
    settings = point.settings
    blueprint = get_blueprint(settings.model, settings.dtype)
    return communication_of(settings, blueprint, e.plan, settings.cost.ranks)


def _content(
    grid: Grid,
    estimates: list[tuple[GridPoint, Estimate]],
    exchanges: Sequence[Communication],
    speeds: Sequence[Speed | None],
) -> dict[str, Any]:
    rows = [
        {
            "overrides": list(point.overrides),
            **e.to_json(),
            "communication": exchanged.to_json(),
            "speed": _measured(speed),
        }
        for (point, e), exchanged, speed in zip(estimates, exchanges, speeds, strict=True)
    ]
    return {"points": rows} if grid.multirun or len(rows) > 1 else rows[0]


def _measured(speed: Speed | None) -> dict[str, Any] | None:
    """What calls that were timed on this machine say; None where they were not."""
    return None if speed is None else asdict(speed)
