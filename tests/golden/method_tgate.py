"""Golden runs of the original T-GATE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.methods.tgate import TGate

if TYPE_CHECKING:
    from golden.followed import Followed


class TGateReading:
    """Decisions of self- and cross attention, and rows, a digit for every call."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "gate_step" in run

    def method(self, run: Mapping[str, Any]) -> TGate:
        return TGate(run["gate_step"], run["sp_interval"], run["fi_interval"], run["warm_up"])

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        ledger, decisions = followed.engine.ledger, run["decisions"]
        total = int((ledger.rows[0] != [int(digit) for digit in decisions["rows"]]).sum())
        for group in followed.plan[0].source:
            if group.kind == "mlp":
                total += int(ledger.decisions(group).sum())
                continue
            digits = decisions["cross" if group.kind == "cross" else "self_attn"]
            expected = np.array([digit == "1" for digit in digits])[:, None]
            total += int((ledger.decisions(group) != expected).sum())
        return total
