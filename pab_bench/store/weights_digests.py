"""Remembers the digest of a model's weights, so that it is known without looking for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pab_bench.files import write_json


class KnownModels:
    """Digests of weights by the settings that led to them.

    Args:
        results: the results folder.
    """

    def __init__(self, results: Path) -> None:
        self._path = results / "known_models.json"
        self._entries: dict[str, dict[str, Any]] | None = None

    def remember(self, model: Mapping[str, Any], files: Iterable[Path], digest: str) -> None:
        """Note the digest of the files that a model's settings led to."""
        entry = {"digest": digest, "files": [_stamp(path) for path in files]}
        entries = self._read()
        if entries.get(_key(model)) != entry:
            entries[_key(model)] = entry
            write_json(self._path, entries)

    def recall(self, model: Mapping[str, Any]) -> str | None:
        """The digest, or None if the model was not used with this store, or has changed since."""
        if self._entries is None:
            self._entries = self._read()
        entry = self._entries.get(_key(model))
        if entry is None:
            return None
        for path, size, modified in entry["files"]:
            try:
                if _stamp(Path(path)) != [path, size, modified]:
                    return None
            except OSError:
                return None
        return str(entry["digest"])

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):  # Not there, or damaged: nothing is known.
            return {}
        return content if isinstance(content, dict) else {}


def _key(model: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()


def _stamp(path: Path) -> list[Any]:
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]
