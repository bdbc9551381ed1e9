"""Golden runs of Delta-DiT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.methods.delta_dit_pab import DeltaDitPab

if TYPE_CHECKING:
    from golden.followed import Followed


class DeltaDitReading:
    """Intervals of calls and blocks; decisions are the blocks that every call leaves out."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "delta_threshold" in run

    def method(self, run: Mapping[str, Any]) -> DeltaDitPab:
        intervals = tuple(
            f"{first}-{last}:{block}-{end}"
            for (first, last), (block, end) in run["delta_threshold"]
        )
        return DeltaDitPab(intervals, run["delta_gap"], run["sign"], run["schedule"])

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        ledger = followed.engine.ledger
        total = 0
        for group, table in followed.plan[0].source.items():
            expected = np.zeros(table.shape, dtype=bool)
            for call, blocks in run["skipped_blocks"].items():
                expected[int(call), blocks] = True
            total += int((ledger.decisions(group) != expected).sum())
        return total
