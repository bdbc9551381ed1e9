"""Reads PAB's part of a point's identity, so that the point can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.methods.windows import read_window


def pab_of_identity(
    content: Mapping[str, Any], recommended: Mapping[str, Any]
) -> PyramidAttentionBroadcast:
    """Make the method whose `identity` is the given one.

    Args:
        content: `method`, `rules` and `broadcast_object`, among others.
        recommended: the model's own broadcast of MLPs, `mlp` of its configuration: how far its keys
            reach where the identity says nothing else.

    Raises:
        ValueError: if it is no identity of PAB.
    """
    if content["method"] is None:
        return PyramidAttentionBroadcast()
    try:
        rules: Any = {name: _rule(rule, recommended) for name, rule in content["rules"].items()}
        return PyramidAttentionBroadcast(Rules(**rules), content["broadcast_object"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"rules: are none of method pab: {error}") from error


def _rule(content: Mapping[str, Any] | None, recommended: Mapping[str, Any]) -> GapRule | KeyRule:
    if content is None:
        return GapRule(skip=True)  # On, with a gap of 1: it reuses nothing.
    if "keys" in content:
        keys = tuple(
            KeyTime(key["timestep"], key["reuse_steps"], frozenset(key["blocks"]))
            for key in content["keys"]
        )
        own = [key.timestep for key in keys] == recommended.get("keys")
        usual = recommended.get("key_distance", 0) if own else 0
        return KeyRule(keys, content.get("max_distance", usual), usual)
    block = content["block"]
    return GapRule(
        skip=content["skip"],
        threshold=read_window(content["threshold"]),
        gap=content["gap"],
        block=None if block is None else tuple(block),
    )
