"""What may be why two samplings of one point differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pab_bench.store.records import Record

_PROVENANCE = ("cores", "platform", "git_commit")
_INPUTS = {
    "noise": "the initial noise",
    "conditional": "the encoded prompt",
    "unconditional": "the encoded negative prompt",
}
_DIGEST = 16


def reasons(theirs: Record, ours: Record) -> list[str]:
    """List what differs in how two records of one point were made, most telling first.

    Args:
        theirs: from an archive.
        ours: made here.

    Returns:
        Lines `what: there, here`; one that says so if nothing differs that records know of.
    """
    found = list(_differing(theirs, ours))
    return found or ["made in the same way, as far as records tell: the kernels vary"]


def _differing(theirs: Record, ours: Record) -> Iterator[str]:
    for name in ("weights", "device", "dtype"):
        yield from _line(name, theirs.config.get(name), ours.config.get(name))
    sides = [_arithmetic(record) for record in (theirs, ours)]
    for name in sorted({*sides[0], *sides[1]}):
        yield from _line(name, sides[0].get(name), sides[1].get(name))
    made: tuple[Mapping[str, Any], Mapping[str, Any]] = (theirs.provenance, ours.provenance)
    versions = [entry.get("versions", {}) for entry in made]
    for name in sorted({*versions[0], *versions[1]}):
        yield from _line(name, versions[0].get(name), versions[1].get(name))
    for name in _PROVENANCE:
        yield from _line(name.replace("_", " "), made[0].get(name), made[1].get(name))
    pairs = list(zip(theirs.inputs, ours.inputs, strict=False))
    for name, text in _INPUTS.items():
        if any(one.get(name) != other.get(name) for one, other in pairs):
            yield f"{text} is another one"


def _arithmetic(record: Record) -> dict[str, Any]:
    """What rounds; of older points, whose identity leaves it out, what the provenance has."""
    made = record.provenance
    before = {"processor": made.get("cpu"), "threads": made.get("threads")}
    return {**before, **record.config.get("arithmetic", {})}


def _line(name: str, theirs: Any, ours: Any) -> Iterator[str]:
    if theirs != ours:
        yield f"{name}: {_short(theirs)} there, {_short(ours)} here"


def _short(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    is_digest = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return text[:_DIGEST] if is_digest else text
