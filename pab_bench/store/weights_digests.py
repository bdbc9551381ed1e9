"""Remembers digests of weights, so that they are known without reading or looking for the files."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pab_bench.files import read_sealed_json, write_sealed_json

_log = logging.getLogger(__name__)
_HOME = "~"


@dataclass(frozen=True)
class _Stamp:
    """Tells whether a file is still the same.

    Attributes:
        path: below the home folder as `~/...`, otherwise relative to the results folder: the name
            of a user, or of a machine's folders, is nobody else's business.
        size: in bytes.
        modified: in ns.
    """

    path: str
    size: int
    modified: int


class WeightsDigests:
    """Digests by the settings that led to the weights, and by the files that hold them.

    They only save time: a file that is not what was written is one that knows nothing, and one
    that cannot be written is told in the log.

    Args:
        results: the results folder; they lie in `weights_digests.json`.

    Attributes:
        of_files: digest by a stamp of the files; `remember` writes what was added.
    """

    def __init__(self, results: Path) -> None:
        self._results = results.resolve()
        self._path = results / "weights_digests.json"
        content = self._read()
        self._of_models: dict[str, dict[str, Any]] = content["models"]
        self.of_files: dict[str, str] = content["files"]

    def remember(self, model: Mapping[str, Any], files: Iterable[Path], digest: str) -> None:
        """Note the digest of the files that a model's settings led to."""
        stamps = [asdict(self._stamp(file)) for file in files]
        self._of_models[_key(model)] = {"digest": digest, "files": stamps}
        there = self._read()  # Other processes may have added to it.
        own: dict[str, dict[str, Any]] = {"models": self._of_models, "files": self.of_files}
        content = {name: {**there[name], **own[name]} for name in own}
        if content == there:
            return
        try:
            write_sealed_json(self._path, content)
        except OSError as error:
            _log.warning("%s could not be written: %s", self._path, error)

    def recall(self, model: Mapping[str, Any]) -> str | None:
        """The digest, or None if the model was not used with this store, or has changed since."""
        entry = self._of_models.get(_key(model))
        if entry is None:
            return None
        for stamp in (_Stamp(**content) for content in entry["files"]):
            try:
                if self._stamp(self._place(stamp)) != stamp:
                    return None
            except (OSError, RuntimeError):  # It is gone, or there is no home folder any more.
                return None
        return str(entry["digest"])

    def _stamp(self, file: Path) -> _Stamp:
        status = file.stat()
        home = Path.home() if _has_home() else None
        absolute = file.absolute()
        if home is not None and absolute.is_relative_to(home):
            path = f"{_HOME}/{absolute.relative_to(home).as_posix()}"
        else:
            path = Path(os.path.relpath(absolute, self._results)).as_posix()
        return _Stamp(path, status.st_size, status.st_mtime_ns)

    def _place(self, stamp: _Stamp) -> Path:
        if stamp.path.startswith(f"{_HOME}/"):
            return Path(stamp.path).expanduser()
        return Path(os.path.normpath(self._results / stamp.path))

    def _read(self) -> dict[str, dict[str, Any]]:
        nothing: dict[str, dict[str, Any]] = {"models": {}, "files": {}}
        try:
            content = read_sealed_json(self._path)
        except FileNotFoundError:
            return nothing
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be used (%s); it is made again", self._path, error)
            return nothing
        return {name: dict(content.get(name, {})) for name in nothing}


def _has_home() -> bool:
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def _key(model: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()
