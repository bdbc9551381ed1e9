"""A pipeline made of descriptions alone: its networks have shapes, its schedule is real."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from torch import nn

from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import one_line
from pab_bench.systems.diffusers.index import CHECKER, PipelineIndex, is_tokenizer
from pab_bench.systems.diffusers.numberless import without_numbers
from pab_bench.systems.diffusers.wordless import WordlessTokenizer

_CPU = torch.device("cpu")


class NoDescription(ValueError):
    """A part of a pipeline of which it is not known what it is; the message says which."""


def described_pipeline(index: PipelineIndex, folder: Path, dtype: torch.dtype) -> Any:
    """Make a pipeline that runs on the CPU, with networks that give zeros of the right shapes.

    Tokenizers are the folder's own where it has them, and stand-ins otherwise. What would look at
    prompts and videos for their content lets everything pass, since there is none.

    Args:
        index: what the folder's `model_index.json` says.
        folder: where the configurations are; weights are not looked at.
        dtype: of all networks.

    Raises:
        NoDescription: naming the part that cannot be made, and why.
    """
    parts: dict[str, Any] = dict(index.settings)
    for name in index.parts:
        try:
            parts[name] = _part(index, name, folder, dtype)
        except Exception as error:  # What constructors raise for wrong configurations: not listed.
            raise NoDescription(f"{name}: {one_line(error)}") from error
    if CHECKER in inspect.signature(index.pipeline.__init__).parameters:
        parts[CHECKER] = _AllIsSafe()
    pipeline = _on_cpu(index.pipeline)(**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _part(index: PipelineIndex, name: str, folder: Path, dtype: torch.dtype) -> Any:
    kind, own = index.kind(name), folder / name
    if name == CHECKER:
        return None
    if isinstance(kind, type) and issubclass(kind, nn.Module):
        return _network(kind, own, dtype)
    if is_tokenizer(name) and not own.is_dir():
        return WordlessTokenizer()
    if kind is None:
        raise NoDescription(f"{'.'.join(index.parts[name])} is not known here")
    return kind.from_pretrained(own, local_files_only=True)


def _network(kind: Any, folder: Path, dtype: torch.dtype) -> nn.Module:
    with torch.device("meta"):
        if hasattr(kind, "from_config"):  # Of diffusers; the others are of transformers.
            network = kind.from_config(read_object(folder / "config.json"))
        else:
            network = kind(kind.config_class.from_pretrained(folder, local_files_only=True))
    # Some parameters ignore the device context. Not the network's own `to`: diffusers' warns.
    network = nn.Module.to(network, device="meta", dtype=dtype).eval()
    network.__class__ = _on_cpu(kind)
    return without_numbers(network)


def _on_cpu(kind: Any) -> Any:
    """A class whose instances say that they are on the CPU, wherever their parameters are."""
    where = property(lambda self: _CPU)
    own = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (kind,), {**own, "device": where, "_execution_device": where})


class _AllIsSafe(nn.Module):
    """A safety checker for prompts that nobody sees a video of."""

    def check_text_safety(self, prompt: str) -> bool:
        return True
