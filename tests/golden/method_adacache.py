"""Golden runs of AdaCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.methods.adacache import AdaCache

if TYPE_CHECKING:
    from golden.followed import Followed

MEASURES = {"t-attn": "temporal", "s-attn": "spatial", "ca-mlp": "cross_mlp"}


class AdaCacheReading:
    """A digit for every call, and the last number of each that was looked up in the codebook."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "codebook" in run

    def method(self, run: Mapping[str, Any]) -> AdaCache:
        thresholds, rates = zip(*run["codebook"], strict=True)
        own: dict[str, Any] = {
            "codebook": "own",
            "thresholds": thresholds,
            "rates": rates,
            "measure": (MEASURES[run["cache_res"]],),
            "measure_blocks": tuple(run["cache_loc"]),
        }
        if run.get("apply_moreg"):
            first, last = run["moreg_steps"]
            scale, power, divisor, _ = run["moreg_hyp"]
            own |= {
                "motion": True,
                "motion_strides": tuple(run["moreg_strides"]),
                "motion_first": first - 1,  # Upstream counts from 1.
                "motion_last": last - 1,
                "motion_scale": scale,
                "motion_power": power,
                "motion_divisor": divisor,
                "motion_gradient": run["mograd_mul"],
            }
        return AdaCache(**own)

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        expected = np.array([digit == "1" for digit in run["skipped"]])[:, None]
        ledger = followed.engine.ledger
        groups = followed.plan[0].source
        return sum(int((ledger.decisions(group) != expected).sum()) for group in groups)

    def gates(self, run: Mapping[str, Any]) -> list[float | None]:
        last = {entry["step"] - 1: float(entry["compared"]) for entry in run["schedule"]}
        return [last.get(call) for call in range(len(run["skipped"]))]
