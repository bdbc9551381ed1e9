"""How speedups were measured, and what is wrong with them, in sentences."""

from __future__ import annotations

from collections import defaultdict

from analysis.data import SweepData
from analysis.speeds import ABOVE_TIME, JobSpeed
from pab_bench.timings.estimate import Figure, Speed
from pab_bench.timings.rounds import CLOCKS, ClockName

_MANY = 0.1


def speed_notes(data: SweepData) -> list[str]:
    """By which clock, in how many rounds; and whether whole videos agree."""
    ways: dict[tuple[str, int], list[Speed]] = defaultdict(list)
    for found in data.speeds.values():
        if found.speed is not None:
            ways[found.speed.how, found.speed.threads].append(found.speed)
    lines = [_way(how, threads, speeds) for (how, threads), speeds in ways.items()]
    judged = [found for found in data.speeds.values() if found.videos is not None]
    lines += _by_videos([found for found in judged if found.speed is None])
    return lines + [line for found in judged if (line := _judged(found))]


def _by_videos(found: list[JobSpeed]) -> list[str]:
    """Of methods whose calls are not alike, which whole videos time."""
    by_clock: dict[ClockName, list[int]] = defaultdict(list)
    for own in found:
        if own.videos is not None:
            by_clock[own.videos[1]].append(own.job)
    return [
        f"speedups of jobs {', '.join(map(str, jobs))}: from whole videos in turns with the "
        f"baseline's, by {CLOCKS[clock]}, since their calls are not alike"
        for clock, jobs in by_clock.items()
    ]


def speed_faults(data: SweepData) -> list[str]:
    """What was measured that cannot be true, and what it means."""
    lines = [
        f"a control, which reuses nothing, came out as {_figure(control)}: the other speedups "
        "may be off by as much; measure again"
        for control in dict.fromkeys(s.speed.control for s in data.speeds.values() if s.speed)
        if control is not None and not control.low <= 1 <= control.high
    ]
    for found in data.speeds.values():
        bound = None if found.speed is None else found.speed.bound
        for fault in found.faults:
            assert found.speedup is not None
            what = f"job {found.job}: speedup {_figure(found.speedup)}, {fault}"
            if fault == ABOVE_TIME and bound is not None:
                lines.append(f"{what}, {_figure(bound)}: it is measured wrong; measure again")
            elif found.operations is not None:
                lines.append(f"{what}, {found.operations:.3f}; measure again")
    return lines


def _way(how: str, threads: int, speeds: list[Speed]) -> str:
    rounds = sorted({speed.rounds for speed in speeds})
    several = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    left_out = max(speed.disturbed for speed in speeds)
    text = f"speedups: from calls in turns with the baseline's, {several} rounds, by {how}"
    if speeds[0].clock == "wall":
        text += f", {threads} thread{'s' * (threads != 1)}"
    if speeds[0].control is not None:
        text += f"; a control, which reuses nothing: {_figure(speeds[0].control)}"
    others = max(speed.others or 0.0 for speed in speeds)
    slowed = max(speed.slowed for speed in speeds)
    also = [
        f"{left_out:.0%} of calls were disturbed and left out" if left_out else "",
        f"other processes had {others:.1f} processors" if others >= _MANY else "",
        f"power or heat slowed the GPU down in {slowed:.0%} of the rounds" if slowed else "",
    ]
    return "; ".join([text, *filter(None, also)])


def _judged(found: JobSpeed) -> str:
    if found.speed is None or found.videos is None:
        return ""
    figure, clock = found.videos
    if found.confirmed is None:
        verdict = "by another clock than its calls'"
    else:
        verdict = f"the {found.speed.speedup.value:.3f} from calls lies "
        verdict += "within" if found.confirmed else "outside"
    return f"job {found.job}: whole videos in turns (by {clock}) give {_figure(figure)}; {verdict}"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
