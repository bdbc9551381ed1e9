"""What the paper printed of several GPUs, beside predictions from the same seconds on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.paper.facts import ModelSettings, Row, figure1, settings, table

GPUS = 8
"""Of all printed numbers."""
_SAME = 0.01
"""Share by which seconds on one GPU may differ for two clips to count as one."""
_ONE = "one_gpu"


@dataclass(frozen=True)
class Beside:
    """A printed number and ours.

    Attributes:
        item: where it is printed.
        name: of what.
        method: the way of splitting: dsp, ulysses or megatron_sp.
        with_plan: whether PAB is on.
        printed: the paper's.
        predicted: ours.
        unit: `s`, or `x` for a speedup.
    """

    item: str
    name: str
    method: str
    with_plan: bool
    printed: float
    predicted: float
    unit: str


def published_beside(point: Mapping[str, Any]) -> list[Beside]:
    """The printed numbers that a prediction can be compared with.

    These are of clips whose length the paper does not tell: a prediction is of the same one if it
    is of the same model and starts from the same seconds on one GPU, to one per cent, without PAB
    and, where they are printed, with it.

    Args:
        point: one point of `scaling.json`.

    Returns:
        Nothing where nothing was printed, or 8 ranks were not predicted.
    """
    model = paper_model(point)
    if model is None or GPUS not in point["ranks"]:
        return []
    return [*_table4(point, model), *_figure1(point, model)]


def paper_model(point: Mapping[str, Any]) -> ModelSettings | None:
    """The paper's model that a point is of, whatever its size; None for others."""
    of_sampler = (m for m in settings() if point["sampler"] in m.samplers)
    return next(of_sampler, None) if "mini" not in point["model"] else None


def _table4(point: Mapping[str, Any], model: ModelSettings) -> list[Beside]:
    rows = [row for row in table(4).rows if row.model == model.key]
    one = {row.gaps is not None: _seconds(row) for row in rows if row.name == _ONE}
    if not one or not _is_same(point["one_rank"]["seconds"], one[False]):
        return []
    is_same_gain = _is_same(point["one_rank"]["method_seconds"], one[True])
    found = []
    for row in rows:
        with_plan = row.gaps is not None
        if row.name == _ONE or (with_plan and not is_same_gain):
            continue
        ours = _row(point, row.name)
        if ours is None:
            continue
        predicted = ours["with_plan" if with_plan else "baseline"]["total"]
        name = f"{table(4).names[row.name]}{' + PAB' if with_plan else ''}"
        found.append(Beside("table 4", name, row.name, with_plan, _seconds(row), predicted, "s"))
    return found


def _figure1(point: Mapping[str, Any], model: ModelSettings) -> list[Beside]:
    ours = _row(point, "dsp")
    if ours is None or point["is_baseline"]:
        return []
    return [
        Beside(
            "figure 1",
            f"{model.name}, PAB",
            "dsp",
            True,
            row.cells["speedup"].value,
            ours["with_plan"]["speedup"],
            "x",
        )
        for row in figure1().rows
        if row.model == model.key
        and _is_same(point["one_rank"]["seconds"], row.cells["one_gpu_s"].value)
    ]


def _row(point: Mapping[str, Any], method: str) -> Mapping[str, Any] | None:
    """Our prediction on 8 ranks with frames split, as the paper has it."""
    (way,) = [w for w in point["ways"] if (w["method"], w["split"]) == (method, "frames")]
    row: Mapping[str, Any] = way["rows"][point["ranks"].index(GPUS)]
    return None if row["reason"] else row


def _seconds(row: Row) -> float:
    return row.cells["latency_s"].value


def _is_same(one: float, other: float) -> bool:
    return abs(one / other - 1) <= _SAME
