"""The row of a job that could not write its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pab_bench.files import write_sealed_json


def note_lost(folder: Path, overrides: Sequence[str], error: Mapping[str, str]) -> None:
    """Write the `point.json` of a job that ended without one; what a job has said itself stands.

    Args:
        folder: the job's; it is made, since a job may end before it has begun.
        overrides: the settings that make the job, as on the command line.
        error: kind, type and message.
    """
    pointer = folder / "point.json"
    if pointer.exists():
        return
    failed = {"id": None, "cached": False, "status": "failed", "error": dict(error)}
    write_sealed_json(pointer, {**failed, "overrides": list(overrides)})
