"""The random-weight control of a baseline: the same sampling with an untrained transformer.

Some orderings of attention differences hold for random weights, too, and prove nothing about a
model, so curves are shown beside their control wherever the store holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.errors import UnreadableRecord
from analysis.load import load_point
from analysis.points import Point

_OWN = ("name", "random_weights")
"""What a model and its control do not share."""


def controls_in(store: Path) -> list[Point]:
    """The finished baselines with random weights in a folder of points, by id."""
    found = []
    for path in sorted(store.glob("*/record.json")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        # Parsing thousands of records for the few that matter would take seconds.
        if '"random_weights": true' not in text:
            continue
        try:
            point = load_point(path.parent)
        except UnreadableRecord:
            continue
        if point.is_baseline and point.record.get("status") == "ok":
            found.append(point)
    return found


def control_of(baseline: Point, controls: list[Point]) -> Point | None:
    """The control that was sampled as `baseline` was, with attention differences; None without."""
    if baseline.value("config", "model", "random_weights"):
        return None
    wanted = _conditions(baseline.value("config") or {})
    for control in controls:
        alike = _conditions(control.value("config") or {}) == wanted
        if alike and (control.folder / "curves.parquet").is_file():
            return control
    return None


def _conditions(config: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a baseline's curves but the weights."""
    model = {k: v for k, v in (config.get("model") or {}).items() if k not in _OWN}
    keys = ("prompts", "seeds", "steps", "guidance", "dtype")
    return {"model": model, **{key: config.get(key) for key in keys}}
