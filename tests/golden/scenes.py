"""Small models with weights, noise and text from golden files, sampled by the real pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

from pab_bench.engine.sites import Architecture

Tensors = Mapping[str, torch.Tensor]


class Scene(Protocol):
    """A model, its noise and its text."""

    @property
    def lanes(self) -> int:
        """Calls of the transformer in a step."""

    @property
    def architecture(self) -> Architecture:
        """Of the transformer."""

    def timesteps(self, steps: int) -> tuple[float, ...]:
        """The timestep at every call of the transformer."""

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        """Run the pipeline; `keep` is given the latents (batch, ...) after every call."""


class Used:
    """What a golden file takes from others, as its `uses` says.

    Args:
        text: `FOLDER/FILE[ RUN]: names; FOLDER/FILE: names (remark)`.
        root: the folder that the paths are relative to.
    """

    def __init__(self, text: str, root: Path) -> None:
        self.root = root
        self.files: list[tuple[Path, str]] = []
        for part in text.split(";"):
            found = re.match(r"\s*([\w./-]+?)(?:\s+(\w+))?\s*:", part)
            if found is None:
                raise ValueError(f"uses: expected 'PATH: names', got {part.strip()!r}")
            self.files.append((root / found.group(1), found.group(2) or ""))

    @property
    def system(self) -> str:
        """Name of the folder that they lie in, which is that of the system."""
        return self.files[0][0].parent.name

    def contents(self) -> Iterator[tuple[dict[str, Any], dict[str, torch.Tensor]]]:
        """Of every file the JSON and the tensors; of those of a run without the run's name."""
        for path, run in self.files:
            tensors = load_file(path.with_name(f"{path.name}.safetensors"))
            content = json.loads(path.with_name(f"{path.name}.json").read_text())
            if run:
                tensors = below(tensors, run)
                content = {**content, **content.get("runs", {}).get(run, {})}
            yield content, tensors


def below(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix/`, without that."""
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def scene_of(used: Used, **changes: Any) -> Scene:
    """The scene of a file in `methods_a`.

    Args:
        used: what it is made of.
        changes: what is otherwise in a run, which only some scenes know.
    """
    from golden.scenes_latte import LatteScene, OpenSoraPlanScene
    from golden.scenes_open_sora import OpenSoraScene

    kinds: dict[str, Callable[..., Scene]] = {
        "latte": LatteScene,
        "open_sora": OpenSoraScene,
        "open_sora_plan": OpenSoraPlanScene,
    }
    if used.system not in kinds:
        raise ValueError(f"uses: expected one of {', '.join(kinds)}, got {used.system!r}")
    return kinds[used.system](used, **changes)
