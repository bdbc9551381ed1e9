"""`task=speed`: speedups of grid points from their calls, without sampling a video."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pab_bench.config.grid import Grid, GridPoint
from pab_bench.cost.table import point_names
from pab_bench.errors import FAILED, OK
from pab_bench.experiment.session import open_session
from pab_bench.files import write_json
from pab_bench.speed.plans import key_here, time_plans
from pab_bench.speed.wanted import WantedPlan, wanted_of_model
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.text.missing import MISSING
from pab_bench.text.terminal import console as make_console
from pab_bench.timings.estimate import Figure, Speed
from pab_bench.timings.store import Timings
from pab_bench.timings.videos import videos_speedup


def speed(grid: Grid) -> int:
    """Time the calls of all points in turns, print their speedups, and write them to `json`.

    Times are kept in the results folder: what is exact enough there is not measured again, and
    points that are sampled later have their speedup.

    Returns:
        Exit status: 1 if a speedup could not be measured.

    Raises:
        ConfigError: if a device is not here, or a window is to be told by curves that are not.
    """
    grid = grid_with_windows(grid)
    groups: dict[str, list[GridPoint]] = defaultdict(list)
    for point in grid.points:
        groups[json.dumps(key_here(point.settings), sort_keys=True)].append(point)
    found: dict[int, tuple[WantedPlan, Timings]] = {}
    for points in groups.values():
        wanted = [_wanted(point) for point in points]
        timings = time_plans(points[0].settings, wanted)
        found |= {id(p): (own, timings) for p, own in zip(points, wanted, strict=True)}
    rows = [_row(point, *found[id(point)]) for point in grid.points]
    console = make_console()
    console.print(_table(grid, rows))
    ways = {(s.how, s.threads, s.rounds) for _, s in rows if s is not None}
    for how, threads, rounds in sorted(ways):
        text = f"by {how}, threads: {threads}, rounds: {rounds}"
        console.print(escape(text), highlight=False, soft_wrap=True)
    for reason in sorted({str(row["reason"]) for row, _ in rows} - {"", "None"}):
        console.print(escape(reason), style="yellow", highlight=False, soft_wrap=True)
    path = grid.points[0].settings.json
    if path is not None:
        write_json(path, {"points": [row for row, _ in rows]})
        console.print(f"written to {path}", highlight=False, soft_wrap=True)
    return OK if all(known or row["videos_speedup"] for row, known in rows) else FAILED


def _wanted(point: GridPoint) -> WantedPlan:
    return wanted_of_model(point.settings, open_session(point.settings).sampler)


def _row(
    point: GridPoint, own: WantedPlan, timings: Timings
) -> tuple[dict[str, Any], Speed | None]:
    known = timings.speed(own.name)
    videos = videos_speedup(own.name, timings.videos)
    row: dict[str, Any] = {
        "overrides": list(point.overrides),
        "classes": dict(timings.plans[own.name].classes) if own.policy is None else {},
        "key": dict(timings.key),
        "reason": None if known or videos else timings.reason or "its calls were not timed",
        "videos_speedup": None if videos is None else _numbers(videos[0]),
        "videos_clock": None if videos is None else videos[1],
    }
    if known is not None:
        row |= {
            "speedup": _numbers(known.speedup),
            "bound": None if known.bound is None else _numbers(known.bound),
            "denoise_s": known.seconds,
            "baseline_denoise_s": known.baseline_seconds,
            "clock": known.clock,
            "threads": known.threads,
            "rounds": known.rounds,
        }
    return row, known


def _numbers(figure: Figure) -> list[float]:
    return [figure.value, figure.low, figure.high]


def _table(grid: Grid, rows: list[tuple[dict[str, Any], Speed | None]]) -> Table:
    table = Table(title="speed", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    heads = ["job", "point", "speedup [95 %]", "bound", "efficiency"]
    heads += ["denoise s", "baseline s"]
    judged = any(row["videos_speedup"] for row, _ in rows)
    for head in [*heads, *(["videos in turns"] if judged else [])]:
        left = head == "point"
        table.add_column(
            head, justify="left" if left else "right", overflow="fold", no_wrap=not left
        )
    names = point_names(grid.points)
    for point, (row, known) in zip(grid.points, rows, strict=True):
        number, name = names[id(point)]
        cells = [str(number), escape(name)]
        if known is None:
            cells += [MISSING] * 5
        else:
            bound = known.bound
            cells += [
                _text([*_numbers(known.speedup)]),
                MISSING if bound is None else f"{bound.value:.3f}",
                MISSING if bound is None else f"{known.speedup.value / bound.value:.1%}",
                f"{known.seconds:.3g}",
                f"{known.baseline_seconds:.3g}",
            ]
        videos = row["videos_speedup"]
        cells += [_text(videos) if videos else MISSING] if judged else []
        table.add_row(*cells)
    return table


def _text(numbers: list[float]) -> str:
    value, low, high = numbers
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
