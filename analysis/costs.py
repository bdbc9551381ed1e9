"""Predicted operations, from the files that `task=cost json=FILE` writes, beside the paper's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import NothingToShow, UnreadableRecord
from analysis.paper.facts import ORIGINAL, ModelSettings, Row, settings, table
from analysis.paper.match import AUTHORS_OF, EXPERIMENTS_OF, setting_of

SCHEMA = 1
PAPER_CONVENTION = "paper"
PARTS = ("spatial", "temporal", "cross", "mlp", "rest", "text_encoder", "decoder")
KINDS = PARTS[:3]
TERA = 1e12


def cost_files(folder: Path) -> list[Path]:
    """The files of costs below a results folder."""
    return sorted((folder / "cost").glob("*.json"))


def read_costs(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The points of cost files.

    Raises:
        UnreadableRecord: a file is damaged, or of a schema that this version does not know.
    """
    points: list[dict[str, Any]] = []
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            found = content.get("points", [content])
        except (OSError, ValueError, AttributeError) as error:
            raise UnreadableRecord(f"{file}: {error}") from error
        if any(not isinstance(p, Mapping) or p.get("schema") != SCHEMA for p in found):
            raise UnreadableRecord(f"{file}: expected costs of schema {SCHEMA}")
        points += found
    return points


def published_flops(points: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Every row of the paper's table 1 that a point stands beside, in the paper's order.

    A point does if it was counted in the paper's convention, has the size and steps of one of the
    paper's models, and the gaps of the row or the method of its experiments. A method that its
    authors define otherwise than the row has it stands below the row, with nothing printed.

    Returns:
        Columns model, row, gaps, setting (whose it is; empty for PAB), paper_t, ours_t,
        paper_ratio, ours_ratio (to the original), text_tokens, and per part of `PARTS` the
        operations `<part>_t`; all in 10^12 operations.

    Raises:
        NothingToShow: no point stands beside a row.
    """
    by_place = {}
    for point in points:
        model = _model_of(point)
        if model is not None and point["convention"]["name"] == PAPER_CONVENTION:
            by_place[model.key, _place(point)] = point
    originals = {
        row.model: row.cells["flops_t"].value
        for row in table(1).rows
        if row.gaps is None and row.name == ORIGINAL
    }
    names = {model.key: model.name for model in settings()}
    rows = [
        _beside(row, own, by_place[row.model, own], names[row.model], originals[row.model])
        for row in table(1).rows
        for own in _places(row)
        if (row.model, own) in by_place and "flops_t" in row.cells
    ]
    if not rows:
        raise NothingToShow(
            "no costs in the paper's convention for a row of its table 1; "
            "`python -m pab_bench +sweeps=paper_flops` predicts them"
        )
    return pd.DataFrame(rows)


def _beside(
    row: Row, place: Place, point: Mapping[str, Any], model: str, original: float
) -> dict[str, Any]:
    is_printed = place not in AUTHORS_OF
    printed = row.cells["flops_t"].value if is_printed else None
    parts = point["flops_by_kind"]
    return {
        "model": model,
        "row": row.name,
        "gaps": "" if row.gaps is None else "/".join(map(str, row.gaps)),
        "setting": setting_of(place) if isinstance(place, str) else "",
        "paper_t": printed,
        "ours_t": point["flops_method"] / TERA,
        "paper_ratio": None if printed is None else printed / original,
        "ours_ratio": point["flops_ratio"],
        "text_tokens": point["text_tokens"],
        **{f"{part}_t": parts[part]["method"] / TERA for part in PARTS},
    }


def _model_of(point: Mapping[str, Any]) -> ModelSettings | None:
    """The paper's model, at its size and number of steps."""
    size = tuple(point["size"])
    for model in settings():
        if (
            point["sampler"] in model.samplers
            and size == (model.frames, model.height, model.width)
            and point["steps"] == model.steps
        ):
            return model
    return None


Place = str | tuple[int, int, int] | None
"""What a row is of: a method, gaps, or nothing at all."""


def _place(point: Mapping[str, Any]) -> Place:
    """Gaps of spatial, temporal and cross-attention; None if nothing is reused; other methods."""
    method: str = point.get("method", "pab")
    if method != "pab":
        return method
    rules = [point["rules"].get(kind) for kind in KINDS]
    if not any(rules):
        return None
    spatial, temporal, cross = (1 if rule is None else int(rule["gap"]) for rule in rules)
    return spatial, temporal, cross


def _places(row: Row) -> list[Place]:
    """What stands beside a row: first what was printed, then what its name means elsewhere."""
    if row.gaps is not None or row.name == ORIGINAL:
        return [row.gaps]
    return [
        method
        for of in (EXPERIMENTS_OF, AUTHORS_OF)
        for method, name in of.items()
        if name == row.name
    ]
