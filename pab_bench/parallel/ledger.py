"""What was sent against what was predicted, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.refused import CommunicationMismatch

Calls = Sequence[Sequence[Collective]]
"""Per call of the transformer its collectives, in order."""


def check_recorded(recorded: Calls, predicted: Calls) -> None:
    """Compare the collectives of every call with those that must follow.

    Args:
        recorded: what was issued.
        predicted: what follows from decisions and sizes.

    Raises:
        CommunicationMismatch: naming the first call and collective that differ.
    """
    if len(recorded) != len(predicted):
        raise CommunicationMismatch(
            f"the transformer was called {len(recorded)} times, expected {len(predicted)}"
        )
    for call, (own, expected) in enumerate(zip(recorded, predicted, strict=True)):
        for place in range(max(len(own), len(expected))):
            found = own[place] if place < len(own) else None
            wanted = expected[place] if place < len(expected) else None
            if found != wanted:
                raise CommunicationMismatch(
                    f"call {call} of the transformer, collective {place}: {_words(found)} was "
                    f"issued, the plan says {_words(wanted)}; {len(own)} and {len(expected)} in all"
                )


def _words(collective: Collective | None) -> str:
    if collective is None:
        return "nothing"
    own = collective
    where = f" at {own.where}" if own.where else ""
    return f"{own.operation} of {list(own.shape)} among {own.ranks}{where}"


def rows_of(calls: Calls, lanes: int) -> list[dict[str, Any]]:
    """Rows of `communication.parquet`, of one rank: call, lane, position and the collective."""
    return [
        {
            "call": index // lanes,
            "lane": index % lanes,
            "position": position,
            "operation": own.operation,
            "where": own.where,
            "ranks": own.ranks,
            "shape": "x".join(map(str, own.shape)),
            "message_bytes": own.message_bytes,
            "local_bytes": own.local_bytes,
            "sent_bytes": own.sent_bytes,
        }
        for index, call in enumerate(calls)
        for position, own in enumerate(call)
    ]


def totals_of(calls: Calls) -> dict[str, dict[str, int]]:
    """Per operation its `count`, `local_bytes` and `sent_bytes` on one rank."""
    totals: dict[str, dict[str, int]] = {}
    for call in calls:
        for own in call:
            sums = totals.setdefault(own.operation, dict.fromkeys(_SUMS, 0))
            sums["count"] += 1
            sums["local_bytes"] += own.local_bytes
            sums["sent_bytes"] += own.sent_bytes
    return totals


_SUMS = ("count", "local_bytes", "sent_bytes")
