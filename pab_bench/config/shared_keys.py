"""`threshold` and `block`: for every kind that has none of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.engine.kinds import KINDS, Kind
from pab_bench.problems import Problems


def with_shared_keys(
    keys: Mapping[str, Any],
    threshold: Sequence[int] | None,
    block: Sequence[int] | None,
    problems: Problems,
) -> dict[str, Any]:
    """The rule keys, with `threshold` and `block` where a kind leaves its own open.

    Args:
        keys: `RULE_KEYS` with their values.
        threshold: [low, high] timesteps.
        block: [first, last] block.
        problems: receives a pair that cannot be meant; it is then left out.
    """
    filled = dict(keys)
    if threshold is not None:
        if len(threshold) != 2 or threshold[0] >= threshold[1]:
            need = "must be [low,high] timesteps with low below high"
            problems.add("threshold", threshold, need)
        else:
            # Where MLPs are broadcast by keys, these decide when.
            by_keys = keys["mlp_keys"] is not None or keys["mlp_recommended"]
            _fill(filled, "threshold", threshold, [k for k in KINDS if k != "mlp" or not by_keys])
    if block is not None:
        if len(block) != 2 or not 0 <= block[0] <= block[1]:
            need = "must be [first,last] block, counted from 0, first <= last"
            problems.add("block", block, need)
        else:
            _fill(filled, "block", block, KINDS)
    return filled


def _fill(keys: dict[str, Any], name: str, pair: Sequence[int], kinds: Sequence[Kind]) -> None:
    for kind in kinds:
        if keys[f"{kind}_{name}"] is None:
            keys[f"{kind}_{name}"] = list(pair)
