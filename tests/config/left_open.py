"""What must be said beside a model that leaves its numbers to a checkpoint, or a method."""

from __future__ import annotations

from pab_bench.config.compose import read_option
from pab_bench.config.model_defaults import KEYS

BY_METHOD: dict[str, dict[str, object]] = {
    "adacache": {
        "method.codebook": "own",
        "method.thresholds": [0.1, 0.2, 0.3, 0.4, 0.5, 1.0],
        "method.rates": [6, 5, 4, 3, 2, 1],
        "method.measure_blocks": [1],
    },
    "dbcache": {"method.first_blocks": 1},
    "delta_dit": {"method.blocks": 2, "method.boundary": 25},
    "external": {"method.enable": "json:loads"},
    "fewer_steps": {"method.steps": 10},
    "magcache": {"method.ratios": [1.0] * 50},
    "mask": {"method.file": "mask.json"},
    "seacache": {"model": "wan_mini"},
}
"""Keys of methods that have no default, or none for small models, or a model that carries them;
the file is to be written."""
BY_CONTENDER: dict[str, dict[str, object]] = {
    "adacache": BY_METHOD["adacache"],
    "dbcache": BY_METHOD["dbcache"],
    **dict.fromkeys(
        ("seacache", "own_seacache_milder", "own_seacache_stronger"), BY_METHOD["seacache"]
    ),
}
"""Likewise, of those whose published settings fit no small model, or not the default one."""
_ELSEWHERE = {"model.repository": "owner/name"}


def left_open(model: str) -> dict[str, object]:
    """Keys with values; none for a model that says everything."""
    values = read_option("model", model)
    own = {f"model.{key}": 16 for key in KEYS if values[key] is None}
    return own and {**_ELSEWHERE, **own}
