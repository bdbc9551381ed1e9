"""Which tensors the files of a part hold: names, shapes and types, without their numbers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from safetensors import SafetensorError, safe_open

from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import Part

CANDIDATES = {
    "diffusers": (
        "diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.bin",
    ),
    "transformers": (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ),
}
"""What each library looks for in a folder; it takes the first that is there."""
INDEX = ".index.json"
_FLOATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
"""Types that a network's numbers may have in a file; they are converted while it is loaded."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: its shape.
        dtype: its type, as safetensors names it.
        file: the file's name.
    """

    shape: tuple[int, ...]
    dtype: str
    file: str

    @property
    def is_floating(self) -> bool:
        """Whether a network's weights can be made of it."""
        return self.dtype in _FLOATS


def stored_tensors(part: Part) -> dict[str, StoredTensor]:
    """All tensors of a part's files, by name.

    Raises:
        CheckpointRefused: naming a file that is missing, damaged or disagrees with the others.
    """
    tensors: dict[str, StoredTensor] = {}
    for file, promised in _files(part).items():
        found = _tensors_of(part, file)
        if not found:
            raise part.refused(file, "holds no tensor")
        twice = sorted(tensors.keys() & found.keys())
        if twice:
            other = tensors[twice[0]].file
            raise part.refused(file, f"tensor {twice[0]} is in {other}, too")
        lacking = sorted(promised - found.keys())
        if lacking:
            raise part.refused(file, f"tensor {lacking[0]} is missing, which the index promises")
        tensors |= found
    return tensors


def _files(part: Part) -> dict[str, set[str]]:
    """The files that will be loaded, each with the tensors that an index promises in it."""
    if part.layout == "any":
        return {path.name: set() for path in sorted(part.folder.glob("*.safetensors"))}
    names = CANDIDATES[part.layout]
    chosen = next((name for name in names if (part.folder / name).exists()), None)
    if chosen is None:
        raise part.refused(None, f"has none of the files {', '.join(names)}")
    return _shards(part, chosen) if chosen.endswith(INDEX) else {chosen: set()}


def _shards(part: Part, index: str) -> dict[str, set[str]]:
    try:
        content = read_object(part.folder / index)
    except ValueError as error:
        raise part.refused(index, error) from error
    places = content.get("weight_map")
    if not isinstance(places, dict) or not places:
        raise part.refused(index, "must have a weight_map from tensors to files")
    shards: dict[str, set[str]] = {}
    for tensor, file in places.items():
        if not isinstance(file, str) or PurePosixPath(file).name != file:
            raise part.refused(index, f"tensor {tensor}: {file!r} is no file's name")
        shards.setdefault(file, set()).add(tensor)
    for file in shards:
        if not (part.folder / file).is_file():
            raise part.refused(index, f"names {file}, which is not there")
    return shards


def _tensors_of(part: Part, file: str) -> dict[str, StoredTensor]:
    path = part.folder / file
    if not path.is_file():
        raise part.refused(file, "is not a file")
    if path.stat().st_size == 0:
        raise part.refused(file, "is empty")
    return _of_pickle(part, path) if path.suffix == ".bin" else _of_safetensors(part, path)


def _of_safetensors(part: Part, path: Path) -> dict[str, StoredTensor]:
    try:
        with safe_open(path, framework="pt") as opened:
            found = {}
            for name in opened.keys():  # noqa: SIM118  # It is no mapping.
                view = opened.get_slice(name)
                found[name] = StoredTensor(tuple(view.get_shape()), view.get_dtype(), path.name)
            return found
    except (SafetensorError, OSError, ValueError) as error:
        raise part.refused(
            path.name, f"is no safetensors file, or a damaged one: {error}"
        ) from error


def _of_pickle(part: Part, path: Path) -> dict[str, StoredTensor]:
    """The tensors of a file by `torch.save`; no code in it is run."""
    try:
        # Into no memory: numbers are read when the network is loaded.
        content = torch.load(path, map_location="meta", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError, KeyError) as error:
        raise part.refused(path.name, f"cannot be read as weights: {error}") from error
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise part.refused(path.name, "must hold tensors by name and nothing else")
    names = {dtype: name for name, dtype in _FLOATS.items()}
    return {
        name: StoredTensor(tuple(value.shape), names.get(value.dtype, str(value.dtype)), path.name)
        for name, value in content.items()
    }
