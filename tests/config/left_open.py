"""What must be said beside a model that leaves its numbers to a checkpoint, or a method."""

from __future__ import annotations

from pab_bench.config.compose import read_option
from pab_bench.config.model_defaults import KEYS

BY_METHOD: dict[str, dict[str, object]] = {
    "delta_dit": {"method.blocks": 2, "method.boundary": 25},
    "external": {"method.enable": "json:loads"},
    "fewer_steps": {"method.steps": 10},
    "magcache": {"method.ratios": [1.0] * 50},
    "mask": {"method.file": "mask.json"},
}
"""Keys of methods that have no default; the file is to be written."""
_ELSEWHERE = {"model.repository": "owner/name"}


def left_open(model: str) -> dict[str, object]:
    """Keys with values; none for a model that says everything."""
    values = read_option("model", model)
    own = {f"model.{key}": 16 for key in KEYS if values[key] is None}
    return own and {**_ELSEWHERE, **own}
