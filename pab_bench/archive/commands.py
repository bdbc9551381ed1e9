"""The command lines that lead to stored points, from what every job has written down."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pab_bench.archive.texts import check_texts
from pab_bench.files import read_sealed_json

_RUNS = ("*/*/point.json", "*/*/[0-9]*/point.json")
"""Of single runs and of sweeps, below a results folder."""
_PROGRAM = ("python", "-m", "pab_bench")


def commands_of(results: Path, baselines: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """Find the commands that make points, one for each job that leads to one.

    Args:
        results: the results folder.
        baselines: the points, each with the address of its baseline.

    Returns:
        By address, command lines in order; a baseline that no job asked for has those of the points
        that it was made for. Points without a job, such as those of an advice, have none.
    """
    found: dict[str, set[str]] = {}
    for pattern in _RUNS:
        for path in results.glob(pattern):
            pointer = _read(path)
            if pointer.get("id") in baselines:
                line = shlex.join([*_PROGRAM, *pointer.get("overrides", ())])
                found.setdefault(str(pointer["id"]), set()).add(line)
    for point, baseline in baselines.items():
        if baseline is not None and point in found:
            found.setdefault(baseline, set()).update(found[point])
    return {point: tuple(sorted(lines)) for point, lines in found.items() if point in baselines}


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = read_sealed_json(path, required=False)
        check_texts(content, "")
    except (OSError, ValueError):  # A job without a pointer that can be read leads nowhere.
        return {}
    overrides = content.get("overrides", [])
    return content if _is_texts(overrides) else {}


def _is_texts(value: Any) -> bool:
    return isinstance(value, Iterable) and all(isinstance(entry, str) for entry in value)
