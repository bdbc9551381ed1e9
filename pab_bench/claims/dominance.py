"""Which blocks make the mean over blocks.

The difference of some blocks can be decades above that of the others, so that "the" curve of a kind
is theirs, and says little about the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pab_bench.claims.definition import VALUE, sites_in


@dataclass(frozen=True)
class Dominance:
    """Who makes the curve of one kind.

    Attributes:
        kind: the kind.
        shares: of the sum over all blocks, steps and videos, per site of a block; they sum to 1.
        half: the fewest sites that make at least half of it, the largest first.
    """

    kind: str
    shares: dict[str, float]
    half: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "shares": self.shares, "half": self.half}


def dominance(rows: pd.DataFrame, kind: str) -> Dominance:
    """Who makes the curve of one kind.

    Args:
        rows: of `differences`, one kind's.
        kind: its name.
    """
    sums = {name: float(part[VALUE].sum()) for name, part in sites_in(rows)}
    total = sum(sums.values())
    shares = {name: value / total if total else 0.0 for name, value in sums.items()}
    half: list[str] = []
    for name in sorted(shares, key=lambda name: -shares[name]):
        if sum(shares[chosen] for chosen in half) >= 0.5:
            break
        half.append(name)
    return Dominance(kind, shares, half)
