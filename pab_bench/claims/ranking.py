"""Claim: in the middle, spatial attention changes most, then temporal, then cross (PAB, figure 2).

Paired by video: the mean over the middle 70 % of the steps of one kind over that of the next, as a
logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pandas as pd

from pab_bench.claims.definition import curves_of, kinds_in
from pab_bench.claims.finding import Finding, from_log_ratio
from pab_bench.claims.u_shape import LogMeans, segment_logs
from pab_bench.claims.verdict import FAILS, HOLDS, UNDECIDED, together
from pab_bench.statistics import compare

ORDER = ("spatial", "temporal", "cross")


def ranking(rows: pd.DataFrame, calls: int, per_block: bool) -> list[Finding]:
    """Every neighbouring pair of the order, and the whole order.

    Args:
        rows: of `differences`.
        calls: transformer calls of one video, step 0 included.
        per_block: whether to test the pairs in every block, too, for `details`.

    Returns:
        Nothing if the model has fewer than two of the kinds.
    """
    kinds = [kind for kind in ORDER if kind in kinds_in(rows)]
    if len(kinds) < 2:
        return []
    pairs = _pairs(rows, calls, kinds)
    if per_block:
        blocks = {
            int(block): _pairs(part, calls, kinds)
            for block, part in rows.groupby("block")
            if set(kinds) <= set(part["kind"])
        }
        pairs = [
            replace(pair, details=_details({block: own[n] for block, own in blocks.items()}))
            for n, pair in enumerate(pairs)
        ]
    return [*pairs, _whole(pairs, kinds)] if len(kinds) > 2 else pairs


def _pairs(rows: pd.DataFrame, calls: int, kinds: list[str]) -> list[Finding]:
    middles = {
        kind: segment_logs(curves_of(rows[rows["kind"] == kind]), calls)["middle"] for kind in kinds
    }
    return [_pair(middles, above, below) for above, below in pairwise(kinds)]


def _pair(middles: Mapping[str, LogMeans], above: str, below: str) -> Finding:
    first, second = middles[above], middles[below]
    ratios = {video: first[video] - second[video] for video in first if video in second}
    return from_log_ratio("ranking", f"{above} > {below}", ratios, compare(first, second))


def _whole(pairs: list[Finding], kinds: list[str]) -> Finding:
    """The order's verdict is that of its pairs together, its effect that of the closest pair."""
    known = [pair for pair in pairs if pair.effect is not None]
    closest = min(known, key=lambda pair: pair.effect or 0.0) if known else pairs[0]
    verdict = together(pair.verdict for pair in pairs)
    undecided = [pair.reason for pair in pairs if pair.verdict == UNDECIDED]
    reason = undecided[0] if verdict == UNDECIDED else ""
    details: dict[str, Any] = {}
    if all(pair.details for pair in pairs):
        blocks = {
            block: together(pair.details["blocks"][block]["verdict"] for pair in pairs)
            for block in pairs[0].details["blocks"]
        }
        details = _sorted(blocks)
    return replace(
        closest, about=" > ".join(kinds), verdict=verdict, reason=reason, details=details
    )


def _details(blocks: Mapping[int, Finding]) -> dict[str, Any]:
    return {
        "blocks": {
            str(block): {"verdict": found.verdict, "effect": found.effect}
            for block, found in blocks.items()
        },
        **_sorted({str(block): found.verdict for block, found in blocks.items()}),
    }


def _sorted(verdicts: Mapping[str, Any]) -> dict[str, Any]:
    places = {
        name: [block for block, found in verdicts.items() if found == verdict]
        for name, verdict in {
            "hold": HOLDS,
            "do_not_hold": FAILS,
            "undecided": UNDECIDED,
        }.items()
    }
    return {"share_of_blocks": len(places["hold"]) / len(verdicts) if verdicts else None, **places}
