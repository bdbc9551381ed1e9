"""JSON files that say by themselves whether they are what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pab_bench.files.atomic import write_json
from pab_bench.files.reading import read_json

SEAL = "sha256"
"""The key under which a file has the digest of its other keys."""


def write_sealed_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write an object as `write_json` does, with the digest of what it says."""
    return write_json(path, {**content, SEAL: _digest(content)})


def read_sealed_json(path: Path, required: bool = True) -> dict[str, Any]:
    """Read what `write_sealed_json` wrote, without the digest.

    Args:
        path: the file.
        required: whether a file without a digest is refused; files of before have none.

    Raises:
        OSError: if it is not there, or cannot be read.
        ValueError: if it is no JSON object, or not what was written.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"an object expected, got {type(content).__name__}")
    seal = content.pop(SEAL, None)
    if seal is None and not required:
        return content
    if seal != _digest(content):
        raise ValueError(f"it is not what was written ({SEAL})")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
