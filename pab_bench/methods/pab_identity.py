"""Reads PAB's part of a point's identity, so that the point can be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.methods.windows import read_window


def pab_of_identity(
    content: Mapping[str, Any], timesteps: Sequence[float], key_distance: int
) -> PyramidAttentionBroadcast:
    """Make the method whose `identity` is the given one.

    Args:
        content: `method`, `rules` and `broadcast_object`, among others.
        timesteps: at which the point was sampled.
        key_distance: what the model recommends; identities do not say from how far away a key of
            MLPs took effect. It is taken where a key is none of the timesteps.

    Raises:
        ValueError: if it is no identity of PAB.
    """
    if content["method"] is None:
        return PyramidAttentionBroadcast()
    try:
        rules: Any = {
            name: _rule(rule, timesteps, key_distance) for name, rule in content["rules"].items()
        }
        return PyramidAttentionBroadcast(Rules(**rules), content["broadcast_object"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"rules: are none of method pab: {error}") from error


def _rule(
    content: Mapping[str, Any] | None, timesteps: Sequence[float], key_distance: int
) -> GapRule | KeyRule:
    if content is None:
        return GapRule(skip=True)  # On, with a gap of 1: it reuses nothing.
    if "keys" in content:
        keys = tuple(
            KeyTime(key["timestep"], key["reuse_steps"], frozenset(key["blocks"]))
            for key in content["keys"]
        )
        exact = all(key.timestep in timesteps for key in keys)
        return KeyRule(keys, 0 if exact else key_distance)
    block = content["block"]
    return GapRule(
        skip=content["skip"],
        threshold=read_window(content["threshold"]),
        gap=content["gap"],
        block=None if block is None else tuple(block),
    )
