"""Folders of golden runs, whether or not a verifier reads them."""

from __future__ import annotations

import json
from pathlib import Path


def holds_runs(folder: Path) -> bool:
    """Whether a folder has a JSON file with golden `runs` of a `model`."""
    return any(_has_runs(path) for path in folder.glob("*.json"))


def _has_runs(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"model", "runs"} <= set(content)
