"""Remembers digests of weights, so that they are known without reading or looking for the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pab_bench.files import write_json


class WeightsDigests:
    """Digests by the settings that led to the weights, and by the files that hold them.

    Args:
        results: the results folder; they lie in `weights_digests.json`.

    Attributes:
        of_files: digest by a stamp of the files; `remember` writes what was added.
    """

    def __init__(self, results: Path) -> None:
        self._path = results / "weights_digests.json"
        content = self._read()
        self._of_models: dict[str, dict[str, Any]] = content["models"]
        self.of_files: dict[str, str] = content["files"]

    def remember(self, model: Mapping[str, Any], files: Iterable[Path], digest: str) -> None:
        """Note the digest of the files that a model's settings led to."""
        self._of_models[_key(model)] = {"digest": digest, "files": [_stamp(f) for f in files]}
        there = self._read()  # Other processes may have added to it.
        own: dict[str, dict[str, Any]] = {"models": self._of_models, "files": self.of_files}
        content = {name: {**there[name], **own[name]} for name in own}
        if content != there:
            write_json(self._path, content)

    def recall(self, model: Mapping[str, Any]) -> str | None:
        """The digest, or None if the model was not used with this store, or has changed since."""
        entry = self._of_models.get(_key(model))
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
            return {name: dict(content[name]) for name in ("models", "files")}
        except (OSError, ValueError, TypeError, KeyError):  # Not there, or damaged, or of old.
            return {"models": {}, "files": {}}


def _key(model: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()


def _stamp(path: Path) -> list[Any]:
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]
