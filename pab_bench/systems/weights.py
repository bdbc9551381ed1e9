"""Where a model's files are, which are missing, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pab_bench.errors import ConfigError, PabBenchError, first_line
from pab_bench.imports.offline import offline_setting, why_unreachable
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.model import ModelSettings, PartSettings

Requirements = Mapping[str, Sequence[str]]
"""What a folder must hold: a name for people, and glob patterns of which one must match."""


class WeightsMissing(PabBenchError):
    """Files of a pretrained model are not here; the message lists them and says what to do."""


class FolderIncomplete(WeightsMissing, ConfigError):
    """A folder that the user named has not all files, or is none."""


@dataclass(frozen=True)
class Weights:
    """The folders of a model's parts.

    Attributes:
        folders: a folder for every part; a whole pipeline is one part.
        required: the files in each of them that determine the model.
    """

    folders: Mapping[str, Path]
    required: Mapping[str, Requirements]

    def digest(self, known: dict[str, str] | None = None) -> str:
        """SHA-256 over all parts; `known` as for `weights_digest`."""
        digests = {
            part: weights_digest(folder, self.required[part], known)
            for part, folder in self.folders.items()
        }
        if len(digests) == 1:
            return next(iter(digests.values()))
        return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def find_parts(
    model: ModelSettings, required: Mapping[str, Requirements], path: str | None
) -> Weights:
    """The folders with all files of a model.

    Args:
        model: says where `vae` and `text_encoder` are; every other part is the model's own.
        required: per part, what must be there.
        path: folder of the model's own part; None = from the hub's cache or the hub.

    Raises:
        WeightsMissing: with the missing files of every part and what to do.
    """
    own = PartSettings(path, model.repository, model.revision)
    parts = {"vae": model.vae, "text_encoder": model.text_encoder}
    folders: dict[str, Path] = {}
    errors: list[WeightsMissing] = []
    for name, files in required.items():
        part = parts.get(name, own)
        key = f"model.{name}" if name in parts else "model"
        try:
            folders[name] = find_weights(
                model.name, part.path, part.repository, part.revision, files, key
            )
        except WeightsMissing as error:
            errors.append(error)
    if errors:
        kind = (
            FolderIncomplete if all(isinstance(e, ConfigError) for e in errors) else WeightsMissing
        )
        raise kind("\n".join(map(str, errors)))
    return Weights(folders, required)


def setting_of(model: ModelSettings, part: str = "model") -> str:
    """What of a configuration led to a part, for messages: `model.path=DIR`."""
    own = PartSettings(model.path, model.repository, model.revision)
    found = {"vae": model.vae, "text_encoder": model.text_encoder}.get(part, own)
    key = "model" if found is own else f"model.{part}"
    if found.path is not None:
        return f"{key}.path={found.path}"
    if found.repository is not None:
        return f"{key}.repository={found.repository}"
    return f"model.name={model.name}"


def missing_files(folder: Path, required: Requirements) -> list[str]:
    """The requirements that `folder` does not meet, and missing parts of divided files."""
    missing: list[str] = []
    for name, patterns in required.items():
        present = [pattern for pattern in patterns if any(folder.glob(pattern))]
        parts = [_missing_parts(folder, pattern) for pattern in present]
        if not present:
            missing.append(name)
        elif all(parts):
            missing += parts[0]
    return missing


def download_patterns(required: Requirements) -> list[str]:
    """What to take from a repository: the required files, and the indices of divided ones."""
    patterns = [pattern for group in required.values() for pattern in group]
    weights = [pattern for pattern in patterns if pattern.endswith((".safetensors", ".bin"))]
    return patterns + [_index_of(pattern) for pattern in weights]


def _index_of(pattern: str) -> str:
    return f"{pattern}.index.json"


def _missing_parts(folder: Path, pattern: str) -> list[str]:
    missing: list[str] = []
    for index in sorted(folder.glob(_index_of(pattern))):
        try:
            names = set(read_object(index)["weight_map"].values())
            parts = [index.parent / name for name in names if isinstance(name, str)]
        except (ValueError, KeyError, AttributeError, TypeError):
            continue  # It is damaged, which is told when the part's tensors are looked for.
        missing += sorted(p.relative_to(folder).as_posix() for p in parts if not p.exists())
    return missing


def find_weights(
    name: str,
    path: str | None,
    repository: str | None,
    revision: str | None,
    required: Requirements,
    key: str = "model",
) -> Path:
    """The folder with all files of model `name`.

    Args:
        name: the model's name, for messages.
        path: a local folder, or None to take the files from the hub's cache or the hub.
        repository: the hub's repository.
        revision: its pinned revision.
        required: what must be there.
        key: of the configuration, for messages.

    Raises:
        WeightsMissing: with the list of missing files and what to do.
    """
    if path is not None:
        folder = Path(path).expanduser()
        missing = missing_files(folder, required)
        if missing:
            found = "has not all files" if folder.is_dir() else "is no folder with files"
            raise FolderIncomplete(
                f"{key}.path={path}: {found} of model {name}; missing: {', '.join(missing)}"
            )
        return folder
    if repository is None:
        raise FolderIncomplete(f"model {name}: set {key}.path or {key}.repository")
    return _from_hub(name, repository, revision, required, key)


def _from_hub(
    name: str, repository: str, revision: str | None, required: Requirements, key: str
) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = download_patterns(required)
    reason = ""
    forbidden = offline_setting()
    for offline in (True, False):
        if not offline:
            unreachable = forbidden or why_unreachable(constants.ENDPOINT)
            if unreachable is not None:
                reason = f"{forbidden} forbids it" if forbidden else unreachable
                break
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
            reason = first_line(error)
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
        f"set {key}.path=DIR."
    )


def weights_digest(
    folder: Path, required: Requirements, known: dict[str, str] | None = None
) -> str:
    """SHA-256 over names and contents of the files that determine a model.

    Args:
        folder: the model's folder.
        required: which of its files these are.
        known: digests by paths, sizes and modification times, so that large models are read once;
            receives a new one.
    """
    patterns = [pattern for group in required.values() for pattern in group]
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    stamp = json.dumps([[str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns] for p in files])
    key = hashlib.sha256(stamp.encode()).hexdigest()
    if known is not None and key in known:
        return known[key]
    content = hashlib.sha256()
    for file in files:
        content.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            content.update(hashlib.file_digest(stream, "sha256").digest())
    digest = content.hexdigest()
    if known is not None:
        known[key] = digest
    return digest
