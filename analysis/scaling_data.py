"""Predictions and volumes of several ranks, from the files of `task=scaling` and `task=cost`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import NothingToShow, UnreadableRecord
from analysis.paper.facts import settings, table

SCHEMA = 1
GIGA = 1e9
WAY_NAMES = {
    ("dsp", "frames"): "DSP, frames split",
    ("dsp", "tokens"): "DSP, tokens split",
    ("ulysses", "frames"): "Ulysses",
    ("megatron_sp", "frames"): "Megatron-SP",
}
"""Ways of splitting a video, by method and split, in the order in which they are shown."""
PREDICT = "`python -m pab_bench +sweeps=scaling` predicts some"
"""How to get what a figure of predictions lacks."""
_GPUS = 8

ScalingPoint = Mapping[str, Any]


def scaling_files(folder: Path) -> list[Path]:
    """The predictions below a results folder."""
    return sorted((folder / "predictions").glob("*/scaling.json"))


def read_scaling(files: Iterable[Path]) -> list[ScalingPoint]:
    """The points of files of predictions.

    Raises:
        UnreadableRecord: a file is damaged, or of a schema that this version does not know.
    """
    points: list[ScalingPoint] = []
    for file in files:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))["points"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableRecord(f"{file}: {error}") from error
        if not isinstance(found, list) or any(
            not isinstance(p, Mapping) or p.get("schema") != SCHEMA or "ways" not in p
            for p in found
        ):
            raise UnreadableRecord(f"{file}: expected predictions of schema {SCHEMA}")
        points += found
    return points


def with_reuse(points: Sequence[ScalingPoint]) -> list[ScalingPoint]:
    """Points of a method, one for each model, clip and way in which it is named.

    Raises:
        NothingToShow: there is none.
    """
    found = {name_of(point): point for point in points if not point["is_baseline"]}
    if not found:
        raise NothingToShow(f"no predictions of a method on several ranks; {PREDICT}")
    return list(found.values())


def name_of(point: ScalingPoint) -> str:
    """Model, latent frames and method, as figures name a point."""
    return f"{point['model']}, {point['activation']['frames']} latent frames, {point['label']}"


def rows_of(point: ScalingPoint, method: str, split: str) -> list[Mapping[str, Any]]:
    """A way's rows, of those numbers of ranks that it can use."""
    (way,) = [w for w in point["ways"] if (w["method"], w["split"]) == (method, split)]
    return [row for row in way["rows"] if not row["reason"]]


def table4_frame(points: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Table 4's communication, printed and recomputed from shapes and plans.

    Args:
        points: of cost files; those count that were counted in the paper's convention, on 8 ranks
            and at the size of the paper's model, with its steps and in 16 bits.

    Returns:
        Columns method, name, plan (none or pab246), printed_g, ours_g, sent_g (what leaves a rank,
        padding included), gathered_g (hidden states at the end of every call), latency_s (printed)
        and one_gpu_s (printed, of the same plan).

    Raises:
        NothingToShow: no point stands beside a row.
    """
    model = next(m for m in settings() if m.key == table(4).rows[0].model)
    ours = {}
    for point in points:
        found = point.get("communication") or {}
        is_same = (
            point["sampler"] in model.samplers
            and tuple(point["size"]) == (model.frames, model.height, model.width)
            and point["steps"] == model.steps
            and point["convention"].get("traffic") == "column"
            and found.get("ranks") == _GPUS
            and not found.get("reason")
            and found["activation"]["bytes_per_number"] == 2
        )
        if is_same and point["preset"] in ("none", "pab246") and point["method"] == "pab":
            ours[point["preset"]] = {
                way["method"]: way["with_plan"] for way in found["ways"] if way["split"] == "frames"
            }
    one = {row.gaps: row.cells["latency_s"].value for row in table(4).rows if row.name == "one_gpu"}
    rows = []
    for row in table(4).rows:
        plan = "none" if row.gaps is None else "pab246"
        volume = ours.get(plan, {}).get(row.name)
        if volume is None:
            continue
        rows.append(
            {
                "method": row.name,
                "name": table(4).names[row.name],
                "plan": plan,
                "printed_g": row.cells["communication_g"].value,
                "ours_g": volume["column"] / GIGA,
                "sent_g": volume["sent"] / GIGA,
                "gathered_g": volume["gathered"] / GIGA,
                "latency_s": row.cells["latency_s"].value,
                "one_gpu_s": one[row.gaps],
            }
        )
    if not rows:
        raise NothingToShow(
            "no volumes in the paper's convention for a row of its table 4; "
            "`python -m pab_bench +sweeps=table4` counts them"
        )
    return pd.DataFrame(rows)


def timeline_point(points: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first point of cost files whose plan saves communication.

    Raises:
        NothingToShow: there is none.
    """
    for point in points:
        found = point.get("communication") or {}
        calls = (found.get("computed") or {}).values()
        if any("0" in call for of_split in calls for call in of_split):
            return point
    raise NothingToShow(
        "no cost of a plan that reuses attention across a split dimension; "
        "`python -m pab_bench +sweeps=table4` counts one"
    )
