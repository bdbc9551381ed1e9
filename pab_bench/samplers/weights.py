"""Where a model's files are, which are missing, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pab_bench.errors import PabBenchError
from pab_bench.store.atomic import write_json

Requirements = Mapping[str, Sequence[str]]
"""What a folder must hold: a name for people, and glob patterns of which one must match."""


class WeightsMissing(PabBenchError):
    """Files of a pretrained model are not here; the message lists them and says what to do."""


def missing_files(folder: Path, required: Requirements) -> list[str]:
    """The requirements that `folder` does not meet."""
    return [
        name
        for name, patterns in required.items()
        if not any(any(folder.glob(pattern)) for pattern in patterns)
    ]


def find_weights(
    name: str,
    path: str | None,
    repository: str | None,
    revision: str | None,
    required: Requirements,
) -> Path:
    """The folder with all files of model `name`.

    Args:
        name: the model's name, for messages.
        path: a local folder, or None to take the files from the hub's cache or the hub.
        repository: the hub's repository.
        revision: its pinned revision.
        required: what must be there.

    Raises:
        WeightsMissing: with the list of missing files and what to do.
    """
    if path is not None:
        folder = Path(path).expanduser()
        missing = missing_files(folder, required)
        if missing:
            found = "has not all files" if folder.is_dir() else "is no folder"
            raise WeightsMissing(
                f"model {name}: model.path={path} {found}; missing: {', '.join(missing)}"
            )
        return folder
    if repository is None:
        raise WeightsMissing(f"model {name}: set model.path or model.repository")
    return _from_hub(name, repository, revision, required)


def _from_hub(name: str, repository: str, revision: str | None, required: Requirements) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = [pattern for group in required.values() for pattern in group]
    reason = ""
    for offline in (True, False):
        try:
            folder = Path(
                snapshot_download(
                    repository,
                    revision=revision,
                    allow_patterns=patterns,
                    local_files_only=offline,
                )
            )
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            continue
        if not missing_files(folder, required):
            return folder
        reason = "the copy in the cache is incomplete"
    cache = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    snapshots = sorted(cache.glob("snapshots/*"))
    missing = missing_files(snapshots[-1], required) if snapshots else list(required)
    raise WeightsMissing(
        f"model {name}: {repository} at revision {revision} is not in the cache {cache} and could "
        f"not be downloaded ({reason}).\nMissing: {', '.join(missing)}.\nOn a machine with network "
        f"run `hf download {repository} --revision {revision} --local-dir DIR`, bring DIR here and "
        f"set model.path=DIR."
    )


def weights_digest(folder: Path, required: Requirements, cache: Path | None = None) -> str:
    """SHA-256 over names and contents of the files that determine a model.

    Args:
        folder: the model's folder.
        required: which of its files these are.
        cache: a JSON file that remembers digests by path, size and modification time, so that
            large models are read once.
    """
    patterns = [pattern for group in required.values() for pattern in group]
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    stamp = json.dumps([[str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns] for p in files])
    key = hashlib.sha256(stamp.encode()).hexdigest()
    known: dict[str, str] = {}
    if cache is not None and cache.exists():
        try:
            known = json.loads(cache.read_text())
        except ValueError:
            known = {}
    if key not in known:
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        known[key] = digest.hexdigest()
        if cache is not None:
            write_json(cache, known)
    return known[key]
