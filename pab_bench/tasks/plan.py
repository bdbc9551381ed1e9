"""`task=plan`: what a command would do, without doing it and without loading weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pab_bench.config.grid import Grid
from pab_bench.engine.kinds import KINDS
from pab_bench.experiment.planned import Planned, plan_points, to_do
from pab_bench.experiment.time_estimate import Rates, earlier_records, rates
from pab_bench.files import write_json
from pab_bench.methods.covered import Covered, cover, covered, gap_rules
from pab_bench.methods.windows import StepShare
from pab_bench.progress import duration
from pab_bench.speed.known import KnownSpeeds
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.text.terminal import console as make_console

NOT_KNOWN = "not known"
_MOST, _SHOWN = 4, 40
"""Prompts that are shown, and characters of each."""


def plan(grid: Grid) -> int:
    """Print the points, what is done, and what the rest will take; 0.

    With `json=FILE` the same is written there.

    Raises:
        ConfigError: if a device is not here, or a window is to be told by curves that are not.
    """
    grid = grid_with_windows(grid)
    points, baselines = plan_points(grid)
    by_model = {
        model: rates(earlier_records(settings))
        for model, settings in {p.settings.model: p.settings for p in points}.items()
    }
    timed = _TimedCalls()
    seconds = {id(p): _seconds(p, by_model[p.settings.model], timed) for p in [*points, *baselines]}
    console = make_console()
    for notice in dict.fromkeys(n for point in points for n in point.settings.notices):
        console.print(escape(notice), style="yellow", highlight=False, soft_wrap=True)
    console.print(_table(points))
    for line in _summary(points, baselines, seconds, by_model.values(), len(timed.points)):
        console.print(escape(line), highlight=False, soft_wrap=True)
    path = grid.points[0].settings.json
    if path is not None:
        rows = [_row(p, seconds[id(p)]) for p in points]
        others = [_row(p, seconds[id(p)]) for p in baselines]
        write_json(path, {"points": rows, "baselines": others})
        console.print(f"written to {path}", highlight=False, soft_wrap=True)
    return 0


def _seconds(point: Planned, known: Rates | None, timed: _TimedCalls) -> float | None:
    if point.state == "done":
        return 0.0
    return None if known is None else known.seconds(point, timed.denoise)


class _TimedCalls:
    """Seconds of denoising from timed calls, and of how many points they are known."""

    def __init__(self) -> None:
        self._known = KnownSpeeds()
        self.points: set[int] = set()

    def denoise(self, point: Planned, first: int) -> float | None:
        """Of one video from call `first` on; None if not all of its calls were timed here."""
        if point.plan is None or first == point.plan.calls:
            return None
        speed = self._known.speed(point.settings, point.plan, first)
        # Processor time of one thread says nothing of how long several take.
        if speed is None or speed.clock == "cpu":
            return None
        self.points.add(id(point))
        return speed.seconds


def _table(points: Sequence[Planned]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("job", justify="right")
    table.add_column("point", overflow="fold")
    for kind in (*KINDS, "all"):
        table.add_column(kind, justify="right", no_wrap=True)
    for name in ("FLOPs ratio", "replayed", "state"):
        table.add_column(name, justify="right", no_wrap=True)
    shared = set.intersection(*(set(point.overrides) for point in points))
    for point in points:
        name = " ".join(o for o in point.overrides if o not in shared)
        shares = point.reuse_shares()
        table.add_row(
            str(point.number or 0),
            escape(name or point.settings.model.name),
            *("-" if (share := shares[k]) is None else f"{share:.1%}" for k in (*KINDS, "all")),
            NOT_KNOWN if point.flops_ratio is None else f"{point.flops_ratio:.4f}",
            f"{point.replayed / point.plan.calls:.0%}" if point.plan else "-",
            point.state,
        )
    return table


def _summary(
    points: Sequence[Planned],
    baselines: Sequence[Planned],
    seconds: dict[int, float | None],
    known: Sequence[Rates | None] | Any,
    timed: int,
) -> list[str]:
    lines = [f"points: {_counts(points)}", *_videos(points), *_shares(points)]
    if baselines:
        lines.append(f"baselines: {_counts(baselines)}")
    lines += [
        f"job {point.number or 0} failed before: {point.error}"
        for point in points
        if point.state == "failed"
    ]
    left = list(to_do([*points, *baselines]))
    times = [seconds[id(point)] for point in left]
    total = sum(time for time in times if time is not None)
    sources = sum(rate.records for rate in known if rate is not None)
    if not left:
        lines.append("nothing is to be done")
    elif all(time is None for time in times):
        lines.append(f"time: {NOT_KNOWN}, since there is no earlier point of this model and device")
    else:
        more = " and more" if None in times else ""
        calls = f" and timed calls of {timed}" if timed else ""
        lines.append(
            f"time: about {duration(total)}{more} in one process, from {sources} earlier "
            f"points{calls}"
        )
    if any(point.replayed for point in left):
        lines.append(
            "replayed: steps that an earlier point of this grid gives; not counted in the FLOPs "
            "ratio, which is that of the method"
        )
    return lines


def _videos(points: Sequence[Planned]) -> list[str]:
    """What is sampled for a point, once for all points that sample the same."""
    lines = []
    for prompts, seeds in dict.fromkeys((p.settings.prompts, p.settings.seeds) for p in points):
        shown = [f"'{p if len(p) <= _SHOWN else p[:_SHOWN] + '...'}'" for p in prompts[:_MOST]]
        more = f" and {len(prompts) - _MOST} more" if len(prompts) > _MOST else ""
        lines.append(
            f"videos of a point: {len(prompts) * len(seeds)} (prompts: {len(prompts)}, seeds: "
            f"{', '.join(map(str, seeds))}): {', '.join(shown)}{more}"
        )
    return lines


def _shares(points: Sequence[Planned]) -> list[str]:
    """What windows by share of the steps, and those that a curve has told, come to."""
    found: dict[str, None] = {}
    for point in points:
        for own in _windows(point):
            source = point.settings.found_windows.get(own.kind)
            if source is not None:
                found[f"{own}; the flat part of baseline {source['baseline']}"] = None
            elif isinstance(own.window, StepShare):
                found[str(own)] = None
    return list(found)


def _windows(point: Planned) -> list[Covered]:
    """Of a point; without timesteps where only the loaded model tells these."""
    if point.plan is not None:
        return covered(point.settings.method, point.plan.timesteps)
    steps = range(point.settings.steps)
    return [
        replace(cover(kind, rule.threshold, steps), timesteps=None)
        for kind, rule in gap_rules(point.settings.method)
        if isinstance(rule.threshold, StepShare)
    ]


def _counts(points: Sequence[Planned]) -> str:
    counts = {state: sum(p.state == state for p in points) for state in ("done", "failed", "to do")}
    stated = f"{len(points)}: {counts['done']} done, {counts['to do']} to do"
    return stated + (f", {counts['failed']} failed before" if counts["failed"] else "")


def _row(point: Planned, seconds: float | None) -> dict[str, Any]:
    return {
        "overrides": list(point.overrides),
        "state": point.state,
        "error": point.error,
        "videos": point.videos,
        "calls": point.plan.calls if point.plan else None,
        "reuse_share": point.reuse_shares(),
        "flops_ratio": point.flops_ratio,
        "replayed_share": point.replayed / point.plan.calls if point.plan else None,
        "seconds": seconds,
        "windows": {own.kind: own.to_json() for own in _windows(point)},
    }
