"""Golden runs of the original FasterCache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.methods.fastercache import PUBLISHED, FasterCache
from pab_bench.methods.guidance_cache import CONDITIONAL

if TYPE_CHECKING:
    from golden.followed import Followed


class FasterCacheReading:
    """Constants of the model's script, whatever the steps; a digit for every call."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "attention_reused" in run

    def method(self, run: Mapping[str, Any]) -> FasterCache:
        model = run["model"]
        (constants,) = [own for (system, _), own in PUBLISHED.items() if system == model]
        own = replace(FasterCache(**constants), conditional=CONDITIONAL[model])
        return replace(own, half="right") if "right_half" in run["name"] else own

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        ledger = followed.engine.ledger
        total = int((ledger.rows[0] != [int(digit) for digit in run["rows"]]).sum())
        for group in followed.plan[0].source:
            own = run["attention_reused"] if group.kind in ("spatial", "temporal") else ""
            expected = np.array([digit == "1" for digit in own or "0" * len(run["rows"])])
            total += int((ledger.decisions(group) != expected[:, None]).sum())
        return total
