"""`threshold` and `block`: for every kind that has none of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.engine.kinds import KINDS, Kind
from pab_bench.methods.windows import SaidWindow, read_window
from pab_bench.problems import Problems

_NEED = "must be [low,high] timesteps with low below high"


def with_shared_keys(
    keys: Mapping[str, Any],
    threshold: SaidWindow,
    block: Sequence[int] | None,
    problems: Problems,
) -> dict[str, Any]:
    """The rule keys, with `threshold` and `block` where a kind leaves its own open.

    Args:
        keys: `RULE_KEYS` with their values.
        threshold: [low, high] timesteps, or one of the other windows.
        block: [first, last] block.
        problems: receives a pair that cannot be meant; it is then left out.
    """
    filled = dict(keys)
    if threshold is not None:
        need = _need(threshold)
        if need:
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


def _need(threshold: Sequence[int] | str) -> str:
    try:
        read_window(threshold)
    except ValueError as error:
        own = str(error)
        return own if isinstance(threshold, str) else _NEED
    return ""


def _fill(
    keys: dict[str, Any], name: str, said: Sequence[int] | str, kinds: Sequence[Kind]
) -> None:
    for kind in kinds:
        if keys[f"{kind}_{name}"] is None:
            keys[f"{kind}_{name}"] = said if isinstance(said, str) else list(said)
