"""The small models that golden runs of libraries' methods share: sampled with nothing reused.

A folder has one JSON for every model, beside its weights, inputs and the last latents, or those
after every step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pab_bench.verify.base import Check, check, relative_l2

TOLERANCE = 1e-5


class LibraryModelsVerifier:
    """Checks the latents of every model."""

    name = "library models"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has a model with its pipeline."""
        return any(True for _ in _models(folder))

    def run(self, folder: Path) -> Iterator[Check]:
        """Sample every model."""
        for path in _models(folder):
            case = "nothing reused: latents"
            farthest = partial(_farthest, path)
            made = check(path.name, case, TOLERANCE, farthest, "relative L2")
            yield replace(made, model=path.stem)


def _models(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.json")):
        try:
            content: Any = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and {"class", "pipeline", "scheduler", "call"} <= set(content):
            yield path


def _farthest(path: Path) -> float:
    """The largest relative L2 of all steps that were recorded, of which the last is one."""
    # Deferred: diffusers takes seconds to import.
    from golden.followed import follow
    from golden.scenes_two_lanes import PipelineScene

    from pab_bench.methods.pab import PyramidAttentionBroadcast

    scene = PipelineScene(path)
    ours = follow(scene, PyramidAttentionBroadcast(), scene.steps, scene.guidance).latents
    golden = load_file(path.with_suffix(".safetensors"))["baseline/latents_per_step"]
    last = ours[-len(golden) :]
    return max(relative_l2(o.reshape(g.shape), g) for o, g in zip(last, golden, strict=True))
