"""Reads the published tables beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
ORIGINAL = "original"


@dataclass(frozen=True)
class Cell:
    """One printed number.

    Attributes:
        value: the number.
        confirmed: whether a source that prints it was found, or it was recomputed.
        sources: keys of the table's `sources`.
        note: what is known against it, or empty.
    """

    value: float
    confirmed: bool
    sources: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One printed row.

    Attributes:
        model: the paper's model, a key of `settings()`.
        name: the method (tables 1 and 4, figure 1) or the change (tables 2 and 3).
        gaps: gaps of spatial, temporal and cross-attention with which it was run, if it is PAB.
        cells: by column.
        note: what is known about it, or empty.
    """

    model: str
    name: str
    gaps: tuple[int, int, int] | None
    cells: Mapping[str, Cell]
    note: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """One table of the paper.

    Attributes:
        item: which.
        setting: what it was measured on.
        columns: column -> heading.
        names: a row's name -> as it is printed, where that differs.
        sources: key -> where the numbers were seen.
        rows: in the paper's order.
    """

    item: str
    setting: str
    columns: Mapping[str, str]
    names: Mapping[str, str]
    sources: Mapping[str, str]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ModelSettings:
    """How the paper sampled one of its models.

    Attributes:
        key: as in `Row.model`.
        name: of the model.
        samplers: class names of the samplers that drive it here.
        repository: of the released weights.
        frames, height, width: of a clip.
        size: height and width in the paper's words.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        threshold: the window of timesteps, for all kinds.
    """

    key: str
    name: str
    samplers: tuple[str, ...]
    repository: str
    frames: int
    height: int
    width: int
    size: str
    steps: int
    guidance: float
    threshold: tuple[int, int]


@cache
def table(number: int) -> PublishedTable:
    """Table 1, 2, 3 or 4 of the paper."""
    return _published(f"table{number}.json")


@cache
def figure1() -> PublishedTable:
    """The numbers that figure 1 of the paper shows: one video on one GPU and on eight."""
    return _published("figure1.json")


def _published(file: str) -> PublishedTable:
    content = _read(file)
    return PublishedTable(
        item=content["item"],
        setting=content["setting"],
        columns=content["columns"],
        names=content.get("names", {}),
        sources=content["sources"],
        rows=tuple(_row(entry) for entry in content["rows"]),
    )


@cache
def settings() -> tuple[ModelSettings, ...]:
    """The paper's models."""
    fields = ModelSettings.__dataclass_fields__
    return tuple(
        ModelSettings(
            key=key,
            samplers=tuple(entry["samplers"]),
            threshold=tuple(entry["threshold"]),
            **{
                k: v for k, v in entry.items() if k in fields and k not in ("samplers", "threshold")
            },
        )
        for key, entry in _read("settings.json")["models"].items()
    )


@cache
def evaluation() -> dict[str, Any]:
    """How the paper evaluated all of them: `prompts`, `prompt_set`, `hardware`, `frames_read`."""
    return {key: value for key, value in _read("settings.json").items() if key != "models"}


def _row(entry: Mapping[str, Any]) -> Row:
    gaps = entry.get("run_with") or entry.get("gaps")
    return Row(
        model=entry["model"],
        name=entry.get("method") or entry["change"],
        gaps=tuple(gaps) if gaps else None,
        cells={
            name: Cell(
                cell["value"], cell["confirmed"], tuple(cell["sources"]), cell.get("note", "")
            )
            for name, cell in entry["cells"].items()
        },
        note=entry.get("note", ""),
    )


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return content
