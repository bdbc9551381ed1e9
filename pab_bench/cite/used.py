"""What a set of results was made with, as far as there are papers of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pab_bench.cite.papers import METHODS, METRICS, PACKAGES, PARALLEL, SYSTEMS, Papers
from pab_bench.systems.registry import system_of_address


@dataclass
class Used:
    """Papers and what they stand behind.

    Attributes:
        papers: by key, what was used of them, such as `metric ssim`; in order of first use.
        unknown: what no paper is known of although it was somebody's work.
        versions: of this program, that made the points.
    """

    papers: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)


def used_in(records: Iterable[Mapping[str, Any]]) -> Used:
    """Collect the papers of the methods, models, metrics and packages of points.

    Args:
        records: of the points, as their files have them.
    """
    found = Used()
    for record in records:
        own = _versions(record).get("pab_bench")
        if own is not None and own not in found.versions:
            found.versions.append(str(own))
        for kind, name, known in _uses(record):
            what = " ".join(f"{kind} {name}".split())  # A comment has one line.
            if name not in known and what not in found.unknown:
                found.unknown.append(what)
            for paper in known.get(name, ()):
                uses = found.papers.setdefault(paper, [])
                if what not in uses:
                    uses.append(what)
    return found


def _uses(record: Mapping[str, Any]) -> Iterator[tuple[str, str, Papers]]:
    config = record.get("config") or {}
    for method in _methods(config.get("method")):
        yield "method", method, METHODS
    if shared := config.get("parallel"):
        yield "parallel", str(shared.get("method")), PARALLEL
    model = config.get("model") or {}
    name = str(model.get("name"))
    system = system_of_address(str(model.get("sampler")))
    # A pipeline that anyone may have brought is somebody's work whose paper is not known here.
    papers = SYSTEMS.get(system or "", ())
    yield "model", name, ({name: papers} if papers else {})
    for column, entry in (record.get("quality") or {}).items():
        if entry.get("value") is not None:
            yield "metric", str(entry.get("metric") or column), METRICS
    for package in PACKAGES:
        if package in _versions(record):
            yield "package", package, PACKAGES


def _methods(method: Any) -> Iterator[str]:
    """Names of a point's method, and of the one inside it; none of a baseline."""
    if isinstance(method, Mapping):
        yield str(method.get("name"))
        yield from _methods(method.get("inside"))
    elif method:
        yield str(method)


def _versions(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return (record.get("provenance") or {}).get("versions") or {}
