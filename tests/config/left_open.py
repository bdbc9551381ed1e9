"""What must be said beside a model whose configuration leaves its numbers to a checkpoint."""

from __future__ import annotations

from pab_bench.config.compose import read_option
from pab_bench.config.model_defaults import KEYS

_ELSEWHERE = {"model.repository": "owner/name"}


def left_open(model: str) -> dict[str, object]:
    """Keys with values; none for a model that says everything."""
    values = read_option("model", model)
    own = {f"model.{key}": 16 for key in KEYS if values[key] is None}
    return own and {**_ELSEWHERE, **own}
