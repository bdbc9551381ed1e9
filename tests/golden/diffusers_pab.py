"""Golden runs of diffusers' Pyramid Attention Broadcast on Wan and CogVideoX.

Understands folders with `models/MODEL.json` and `pab_diffusers/MODEL.json`, each beside its
tensors. On Wan, which is called twice a step, only runs with a state for each of the two calls are
compared: upstream's own mix them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pab_bench.verify.base import Check

MODELS = ("wan", "cogvideox")


class DiffusersPabVerifier:
    """Checks latents and decisions of every run."""

    name = "diffusers_pab"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has runs of a known model, and the model."""
        return bool(_found(folder))

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every run of every model."""
        from golden.diffusers_pab_run import check_model

        for model in _found(folder):
            runs = _read(folder / "pab_diffusers" / f"{model}.json")["runs"]
            compared = {
                name: run
                for name, run in runs.items()
                if model != "wan" or name.endswith("_state_per_lane")
            }
            yield from check_model(
                folder, model, _read(folder / "models" / f"{model}.json"), compared
            )


def _found(folder: Path) -> list[str]:
    parts = ("models", "pab_diffusers")
    return [m for m in MODELS if all((folder / part / f"{m}.json").is_file() for part in parts)]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content
