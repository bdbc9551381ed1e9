"""Names that users type and that packages of different lines know."""

from __future__ import annotations

from typing import Literal, get_args

DTYPES = ("float32", "float16", "bfloat16")
"""What models are sampled in."""

CONVENTIONS = ("transformer", "macs", "linear_macs", "one_prompt", "generation", "paper")
"""Ways to count operations; `pab_bench.cost.conventions` says what they are."""

Locks = Literal["flock", "create"]
LOCKS: tuple[Locks, ...] = get_args(Locks)
"""What keeps processes that make the same point apart; see `pab_bench.store.locks`."""

PointStatus = Literal["ok", "reused_nothing", "failed"]
"""Of a point: `reused_nothing` where a method that decides while it samples never did."""
WITH_NUMBERS: tuple[PointStatus, ...] = ("ok", "reused_nothing")
