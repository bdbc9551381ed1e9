"""Where the numbers of a sweep come from, in a few lines for the foot of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.points import Point, Sweep

_PROMPTS_SHOWN = 4
_DIGEST = 16


def provenance(sweep: Sweep) -> list[str]:
    """Lines `what: value`; several values where the points of the sweep differ."""
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
    }
    return [f"{name}: {' | '.join(dict.fromkeys(texts))}" for name, texts in lines.items() if texts]


def reasons(sweep: Sweep) -> list[str]:
    """Why numbers are missing: failed and unfinished jobs, and metrics without a value."""
    lines = [f"job {job.number} {job.status}: {job.error}" for job in sweep.jobs if job.error]
    for job, point in sweep.finished:
        if job.baseline is None:
            lines.append(f"job {job.number}: its baseline is not there, so it has no speedup")
        for name, entry in (point.value("quality") or {}).items():
            if entry.get("value") is None:
                lines.append(
                    f"job {job.number}, {name}: {entry.get('reason') or 'no reason given'}"
                )
    return lines


def _points(sweep: Sweep) -> list[Point]:
    found = {point.id: point for _, point in sweep.finished}
    return list((found | {point.id: point for point in sweep.baselines}).values())


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


def _versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _text(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
