"""The row of a job that could not write its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pab_bench.files import write_sealed_json

REFUSED = "refused"
"""The status of a job whose settings cannot be together."""


def note_lost(folder: Path, overrides: Sequence[str], error: Mapping[str, str]) -> None:
    """Write the `point.json` of a job that ended without one; what a job has said itself stands.

    Args:
        folder: the job's; it is made, since a job may end before it has begun.
        overrides: the settings that make the job, as on the command line.
        error: kind, type and message.
    """
    _note(folder, overrides, "failed", error)


def note_refused(folder: Path, overrides: Sequence[str], reason: str) -> None:
    """Write the `point.json` of a job whose settings cannot be together.

    Args:
        folder: as of `note_lost`.
        overrides: likewise.
        reason: why they cannot.
    """
    _note(folder, overrides, REFUSED, {"type": "InvalidSettings", "message": reason})


def _note(folder: Path, overrides: Sequence[str], status: str, error: Mapping[str, str]) -> None:
    pointer = folder / "point.json"
    if pointer.exists():
        return
    row = {"id": None, "cached": False, "status": status, "error": dict(error)}
    write_sealed_json(pointer, {**row, "overrides": list(overrides)})
