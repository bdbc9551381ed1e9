"""What a pipeline's `model_index.json` says: its class, its parts, and the files that they need."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import diffusers
from torch import nn

from pab_bench.problems import Problem
from pab_bench.systems.checkpoints.checkpoint import INDEX
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import CheckpointRefused
from pab_bench.systems.diffusers.call_names import CallNames, NotDriven, read_call
from pab_bench.systems.embedded import path_of
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import (
    Requirements,
    Weights,
    WeightsMissing,
    find_weights,
    setting_of,
)

CHECKER = "safety_checker"
ONLY_INDEX: Requirements = {INDEX: [INDEX]}
_DESCRIPTIONS = ("*.json", "*.txt", "*.model", "*.jinja")


@dataclass(frozen=True)
class PipelineIndex:
    """A pipeline as its index describes it.

    Attributes:
        pipeline: its class.
        call: what its `__call__` takes.
        parts: by name the library and the class of every part that it has.
        transformers: the names of the parts that denoise: one, or several of which each step calls
            one.
        settings: what else the pipeline is made with.
    """

    pipeline: Any
    call: CallNames
    parts: Mapping[str, tuple[str, str]]
    transformers: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def transformer(self) -> str:
        """The name of the first of them."""
        return self.transformers[0]

    def kind(self, part: str) -> Any:
        """The class of a part; None if it is of a library that is not known here."""
        library, name = self.parts[part]
        if library not in ("diffusers", "transformers"):
            return None
        return getattr(importlib.import_module(library), name, None)

    def required(self) -> Requirements:
        """The files that the pipeline needs."""
        found: dict[str, list[str]] = {INDEX: [INDEX]}
        for part in self.parts:
            if self._is_network(part):
                found[f"{part}/config.json"] = [f"{part}/config.json"]
                found[f"{part}/*.safetensors"] = [f"{part}/*.safetensors", f"{part}/*.bin"]
            else:
                found[f"{part}/*.json"] = [f"{part}/{own}" for own in _DESCRIPTIONS]
        return found

    def described(self) -> Requirements:
        """The files that say what it is, without the numbers of its networks."""
        return {name: own for name, own in self.required().items() if "safetensors" not in name}

    def described_shapes(self) -> Requirements:
        """The files that say of which shapes it is: not those of tokenizers or of checkers."""
        return {
            name: own
            for name, own in self.described().items()
            if not (is_tokenizer(part := name.partition("/")[0]) or part == CHECKER)
        }

    def described_networks(self) -> Sequence[str]:
        """The files that say what transformers and autoencoder are."""
        return [INDEX, *(f"{part}/config.json" for part in (*self.transformers, "vae"))]

    def _is_network(self, part: str) -> bool:
        kind = self.kind(part)
        return isinstance(kind, type) and issubclass(kind, nn.Module)


def locate_index(model: ModelSettings) -> PipelineIndex:
    """Read the index of a model's pipeline, from its folder or from the hub.

    Raises:
        CheckpointRefused: if the index is damaged, or of a pipeline that cannot be driven.
        WeightsMissing: if there is none.
    """
    return read_index(_find(model, ONLY_INDEX), setting_of(model))


def locate(model: ModelSettings) -> tuple[Weights, PipelineIndex]:
    """The folder with all files of a model's pipeline, downloaded if need be, and its index.

    Raises:
        CheckpointRefused: if the index is damaged, or of a pipeline that cannot be driven.
        WeightsMissing: with the files that are missing.
    """
    index = locate_index(model)
    required = index.required()
    return Weights({"pipeline": _find(model, required)}, {"pipeline": required}), index


def locate_descriptions(model: ModelSettings) -> tuple[Path, PipelineIndex]:
    """The folder with what describes a pipeline, and its index; see `locate`.

    Tokenizers are there if they can be had: no shape depends on them.
    """
    index = locate_index(model)
    try:
        return _find(model, index.described()), index
    except WeightsMissing:
        return _find(model, index.described_shapes()), index


def is_tokenizer(part: str) -> bool:
    """Whether a part, by its name, makes tokens of prompts."""
    return part.startswith(("tokenizer", "processor"))


def read_index(folder: Path, setting: str) -> PipelineIndex:
    """Read a folder's `model_index.json`.

    Args:
        folder: where it lies.
        setting: what led there, for messages.

    Raises:
        CheckpointRefused: if it is damaged, or of a pipeline that cannot be driven.
    """
    try:
        content = read_object(folder / INDEX)
        return _index(content)
    except ValueError as error:
        raise CheckpointRefused([Problem(setting, f"{INDEX}: {error}")]) from error


def _index(content: Mapping[str, Any]) -> PipelineIndex:
    name = content.get("_class_name")
    kind = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise NotDriven(
            f"_class_name={name!r} is no pipeline of diffusers {diffusers.__version__}; "
            "a newer one may know it"
        )
    parts = {part: own for part, said in content.items() if (own := _part(part, said)) is not None}
    call = read_call(kind)
    transformers = tuple(part for part in parts if part.startswith("transformer"))
    if not transformers:
        raise NotDriven(f"{name} has no transformer")
    if "vae" not in parts or "scheduler" not in parts:
        raise NotDriven(f"{name}: has no vae or no scheduler")
    settings = {
        name: said
        for name, said in content.items()
        if not name.startswith("_") and not isinstance(said, list)
    }
    return PipelineIndex(kind, call, parts, transformers, settings)


def _part(name: str, said: Any) -> tuple[str, str] | None:
    """Library and class of an entry; None for what is no part, or one that is left out."""
    if name.startswith("_") or not isinstance(said, list):
        return None
    if len(said) != 2 or not all(own is None or isinstance(own, str) for own in said):
        raise NotDriven(f"{name}={said!r:.80}: must be a library and a class")
    library, kind = said
    return None if library is None or kind is None else (library, kind)


def _find(model: ModelSettings, required: Requirements) -> Path:
    path = path_of(model)
    return find_weights(model.name, path, model.repository, model.revision, required)
