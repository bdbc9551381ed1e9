"""Where the checkpoints lie that ship with the package."""

from __future__ import annotations

from pathlib import Path

from pab_bench.systems.model import ModelSettings

_MINIS = Path(__file__).parents[1] / "minis"


def embedded_folder(system: str) -> Path | None:
    """Find the pipeline that ships with the package for a system; None if there is none."""
    folder = _MINIS / system
    return folder if (folder / "model_index.json").exists() else None


def path_of(model: ModelSettings) -> str | None:
    """Tell the folder that a model's settings name, or that of its system's embedded mini.

    None where its files are to be found by its repository.
    """
    if model.path is not None or model.repository is not None:
        return model.path
    embedded = embedded_folder(model.system)
    return None if embedded is None else str(embedded)
