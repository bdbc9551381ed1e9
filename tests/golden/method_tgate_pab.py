"""Golden runs of T-GATE as in PAB's experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.engine.kinds import CROSS, CROSS_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.methods.tgate_pab import TGatePab

if TYPE_CHECKING:
    from golden.followed import Followed

GROUPS = {
    "spatial.attn": SPATIAL,
    "temporal.attn": TEMPORAL,
    "spatial.cross": CROSS,
    "temporal.cross": CROSS_TEMPORAL,
}


class TGatePabReading:
    """Settings in `config`, decisions by kind of site, a digit for every call."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "cross_threshold" in run.get("config", {})

    def method(self, run: Mapping[str, Any]) -> TGatePab:
        config = run["config"]
        return TGatePab(
            spatial=config["spatial_broadcast"],
            spatial_calls=tuple(config["spatial_threshold"]),
            spatial_gap=config["spatial_gap"],
            temporal=config["temporal_broadcast"],
            temporal_calls=tuple(config["temporal_threshold"]),
            temporal_gap=config["temporal_gap"],
            cross_call=config["cross_threshold"][0],
        )

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        ledger = followed.engine.ledger
        total = 0
        for name, digits in run["decisions"].items():
            expected = np.array([digit == "1" for digit in digits])[:, None]
            total += int((ledger.decisions(GROUPS[name]) != expected).sum())
        return total
