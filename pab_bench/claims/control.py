"""The random-weight control of a model: what holds for it, too, proves nothing about training."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.control import control_of, controls_in
from analysis.points import Point
from pab_bench.config.paths import CONF
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.systems.model import ModelSettings

_SUFFIX = "_random"


@dataclass(frozen=True)
class Control:
    """What is known of a model's control.

    Attributes:
        point: its baseline of the same sampling, if the store holds one.
        told: where it stands, in a sentence.
    """

    point: Point | None
    told: str


def find_control(model: ModelSettings, baseline: Record, store: Store) -> Control:
    """The control of a baseline.

    Args:
        model: the baseline's.
        baseline: its record.
        store: where to look.
    """
    if model.random_weights:
        return Control(None, "These are random weights: a control, not a trained model.")
    own = Point(store.folder(baseline.id), baseline.to_json())
    point = control_of(own, controls_in(store.points))
    if point is not None:
        name = point.value("model", "name")
        return Control(
            point,
            f"Beside it, {name}: the same sampling with random weights ({point.id}). What holds "
            "there, too, proves nothing about the trained model.",
        )
    twin = f"{model.name}{_SUFFIX}"
    if (CONF / "model" / f"{twin}.yaml").is_file():
        return Control(
            None,
            f"A control with random weights exists and was not sampled so yet: -m model="
            f"{model.name},{twin} shows it beside. Random weights may have the ranking, too.",
        )
    return Control(
        None,
        "There is no control with random weights for this model (model.random_weights=true makes "
        "one). Random weights may have the ranking, too.",
    )
