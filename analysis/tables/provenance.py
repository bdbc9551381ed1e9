"""Where the numbers of a sweep come from, in a few lines for the foot of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.data import SweepData
from analysis.points import Point, Sweep
from analysis.tables.speed_notes import speed_notes
from pab_bench.store.records import ARCHIVES

_PROMPTS_SHOWN = 4
_DIGEST = 16
_JOBS_SHOWN = 12
_NOTHING_REUSED = "the method has reused nothing: videos are the baseline's"


def provenance(data: SweepData) -> list[str]:
    """Lines `what: value`, and how speeds were measured."""
    return [*(f"{n}: {text}" for n, text in facts(data.sweep).items()), *speed_notes(data)]


def facts(sweep: Sweep) -> dict[str, str]:
    """What made the numbers, by name; several values where the points of the sweep differ."""
    points = _points(sweep)
    lines = {
        "model": [_model(point) for point in points],
        "prompts": [_prompts(point.value("prompts") or ()) for point in points],
        "seeds": [", ".join(map(str, point.value("seeds") or ())) for point in points],
        "steps": [_text(point.value("config", "steps")) for point in points],
        "guidance": [_text(point.value("config", "guidance")) for point in points],
        "device": [_device(point.value("provenance") or {}) for point in points],
        "versions": [_versions(point.value("provenance", "versions") or {}) for point in points],
        "git commit": [_text(point.value("provenance", "git_commit")) for point in points],
        "from archives": [_origin(point) for point in points if point.origin is not None],
    }
    told = {name: " | ".join(dict.fromkeys(texts)) for name, texts in lines.items() if texts}
    calls = [_call(point) for point in points]
    if any(calls):
        told["further arguments of the call"] = " | ".join(
            dict.fromkeys(c or "none" for c in calls)
        )
    return told


def reasons(data: SweepData) -> list[str]:
    """Why numbers are missing or mean little.

    Failed and unfinished jobs, methods that have reused nothing, or remark on how they have
    decided, and metrics without a value.
    """
    sweep = data.sweep
    lines = [f"job {job.number} {job.status}: {job.error}" for job in sweep.jobs if job.error]
    missing: dict[str, list[int]] = {}
    for job, point in sweep.finished:
        told = [_NOTHING_REUSED] if job.status == "reused_nothing" else []
        for text in (*told, *(point.value("plan", "remarks") or ())):
            missing.setdefault(text, []).append(job.number)
        if job.baseline is None:
            text = "the baseline is not there, so there is no speedup"
            missing.setdefault(text, []).append(job.number)
        elif (speed := data.speeds[job.number]).reason and not point.is_baseline:
            missing.setdefault(f"speedup: {speed.reason}", []).append(job.number)
        for name, entry in (point.value("quality") or {}).items():
            to_itself = point.is_baseline and data.metrics[name].needs_reference
            if entry.get("value") is None and not to_itself:
                text = f"{name}: {entry.get('reason') or 'no reason given'}"
                missing.setdefault(text, []).append(job.number)
    return lines + [f"{_jobs(numbers)}, {text}" for text, numbers in missing.items()]


def _jobs(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_JOBS_SHOWN]))
    more = len(numbers) - _JOBS_SHOWN
    return f"job{'s' * (len(numbers) > 1)} {shown}" + (f" and {more} more" if more > 0 else "")


def _points(sweep: Sweep) -> list[Point]:
    found = {point.id: point for _, point in sweep.finished}
    return list((found | {point.id: point for point in sweep.baselines}).values())


def _call(point: Point) -> str:
    """What `model.call` has said; empty if nothing."""
    call = point.value("config", "model", "call") or {}
    return ", ".join(f"{name}: {json.dumps(own)}" for name, own in call.items())


def _model(point: Point) -> str:
    digest = _text(point.value("model", "weights_digest"))
    return f"{_text(point.value('model', 'name'))} (weights {digest[:_DIGEST]})"


def _prompts(prompts: Sequence[str]) -> str:
    shown = "; ".join(f'"{prompt}"' for prompt in prompts[:_PROMPTS_SHOWN])
    more = len(prompts) - _PROMPTS_SHOWN
    return f"{len(prompts)}: {shown}" + (f"; and {more} more in the records" if more > 0 else "")


def _device(entry: Mapping[str, Any]) -> str:
    threads = entry.get("threads")
    parts = [entry.get("device"), entry.get("cpu"), threads and f"{threads} threads"]
    return ", ".join(str(part) for part in (*parts, entry.get("platform")) if part)


def _origin(point: Point) -> str:
    """The archive that a point came in, and the machine that made it."""
    return f"{point.origin}, made on {point.value('provenance', ARCHIVES)[-1].get('machine')}"


def _versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _text(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
