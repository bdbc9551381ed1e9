"""What was found out about the points of an archive, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from analysis.method_text import method_in_full
from pab_bench.reproduce.numbers import ABSOLUTE, FRAMES, Number
from pab_bench.reproduce.sampling import Reproduced


def as_text(found: Sequence[Reproduced], relative: float) -> str:
    """One block of lines for every point, and what they come to."""
    lines = [
        f"Frames must be equal to the last bit. Metrics and attention differences agree within "
        f"{relative:g} of their value (metrics {ABSOLUTE:g} more). Times are only reported.",
        *(line for one in found for line in _point(one)),
    ]
    sampled = [one for one in found if not one.cannot]
    agree = sum(one.agrees() for one in sampled)
    lines += ["", f"{len(sampled)} of {len(found)} points sampled, {agree} of them agree"]
    return "\n".join(lines) + "\n"


def as_json(found: Sequence[Reproduced], relative: float) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "tolerance": {"relative": relative, "absolute": ABSOLUTE},
        "points": [
            {
                "id": one.record.id,
                "model": one.record.model["name"],
                "sampled": not one.cannot,
                "reason": one.cannot,
                "agrees": one.agrees(),
                "numbers": [asdict(number) for number in one.numbers],
                "why": list(one.why),
            }
            for one in found
        ],
    }


def _point(one: Reproduced) -> Iterator[str]:
    record = one.record
    rules = "baseline" if record.is_baseline else method_in_full(record.config["method"])
    yield f"\npoint {record.id} ({record.model['name']}, {rules})"
    if one.cannot:
        yield f"  not sampled: {one.cannot}"
        return
    frames = [n for n in one.numbers if n.kind == FRAMES and n.verdict != "reported"]
    alike = sum(number.verdict == "equal" for number in frames)
    yield f"  frames: {alike} of {len(frames)} videos are equal to the last bit"
    for number in one.numbers:
        trivial = number.kind == FRAMES or number.theirs is None
        if number.verdict != "equal" or not trivial:
            yield f"  {number.name}: {_pair(number)}"
    for reason in one.why:
        yield f"  perhaps why: {reason}"


def _pair(number: Number) -> str:
    theirs, ours = (_short(value) for value in (number.theirs, number.ours))
    if number.kind == FRAMES and number.verdict == "reported":
        return str(number.ours)
    if number.verdict == "equal":
        return f"equal, {theirs}"
    return f"{number.verdict.upper() if number.verdict == 'differs' else number.verdict}: " + (
        f"{theirs} there, {ours} here"
    )


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return f"{sum(sum(counts.values()) for counts in value.values())} visits"
    return str(value)[:16]
