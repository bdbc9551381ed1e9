"""Predicted operations, from the files that `task=cost json=FILE` writes, beside the paper's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import NothingToShow, UnreadableRecord
from analysis.paper.facts import ModelSettings, Row, settings, table

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
    paper's models, and the gaps of the row.

    Returns:
        Columns model, row, gaps, paper_t, ours_t, paper_ratio, ours_ratio (to the original),
        text_tokens, and per part of `PARTS` the operations `<part>_t`; all in 10^12 operations.

    Raises:
        NothingToShow: no point stands beside a row.
    """
    by_place = {}
    for point in points:
        model = _model_of(point)
        if model is not None and point["convention"]["name"] == PAPER_CONVENTION:
            by_place[model.key, _gaps(point)] = point
    originals = {
        row.model: row.cells["flops_t"].value
        for row in table(1).rows
        if row.gaps is None and row.name == "original"
    }
    names = {model.key: model.name for model in settings()}
    rows = [
        _beside(row, by_place[row.model, row.gaps], names[row.model], originals[row.model])
        for row in table(1).rows
        if (row.gaps is not None or row.name == "original")
        and (row.model, row.gaps) in by_place
        and "flops_t" in row.cells
    ]
    if not rows:
        raise NothingToShow(
            "no costs in the paper's convention for a row of its table 1; "
            "`python -m pab_bench +sweeps=paper_flops` predicts them"
        )
    return pd.DataFrame(rows)


def _beside(row: Row, point: Mapping[str, Any], model: str, original: float) -> dict[str, Any]:
    printed = row.cells["flops_t"].value
    parts = point["flops_by_kind"]
    return {
        "model": model,
        "row": row.name,
        "gaps": "" if row.gaps is None else "/".join(map(str, row.gaps)),
        "paper_t": printed,
        "ours_t": point["flops_method"] / TERA,
        "paper_ratio": printed / original,
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


def _gaps(point: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Gaps of spatial, temporal and cross-attention; None if nothing is reused."""
    rules = [point["rules"].get(kind) for kind in KINDS]
    if not any(rules):
        return None
    spatial, temporal, cross = (1 if rule is None else int(rule["gap"]) for rule in rules)
    return spatial, temporal, cross
