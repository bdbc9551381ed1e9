"""From the configuration's keys to the rules of broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.broadcast.kinds import KINDS, Kind
from pab_bench.broadcast.rules import GapRule, Key, KeyRule, Rules
from pab_bench.config.problems import Problems, show

Window = tuple[int, int]

KEYS_OF_KIND = ("skip", "threshold", "gap", "block")
RULE_KEYS: tuple[str, ...] = (
    *(f"{kind}_{key}" for kind in KINDS for key in KEYS_OF_KIND),
    "mlp_keys",
    "mlp_reuse_steps",
    "mlp_key_distance",
    "mlp_recommended",
)
"""What may stand in a `pab_file` or preset."""


def rules_from_config(
    values: Mapping[str, Any],
    recommended: Mapping[str, Sequence[int] | None],
    depth: int,
    problems: Problems,
    recommended_mlp: Mapping[str, Any] | None = None,
) -> Rules:
    """Make the rules that the keys ask for.

    Args:
        values: all of `RULE_KEYS`, of the types of the schema.
        recommended: per kind the model's window, used where `*_threshold` is None; None for a kind
            of attention that the model does not have: its rule is off, with a notice if it was set.
        depth: the model's number of block pairs.
        problems: receives what is wrong, and notices; with new problems the rules are unusable.
        recommended_mlp: the model's own MLP broadcast (`conf/model`, `mlp`), which is taken where
            `mlp_recommended` is set and `mlp_keys` says nothing else.
    """
    values = _with_recommended_mlp(values, recommended_mlp, depth, problems)
    gap_rules = {kind: _gap_rule(kind, values, recommended, depth, problems) for kind in KINDS}
    mlp: GapRule | KeyRule = gap_rules["mlp"]
    if values["mlp_keys"] is not None:
        mlp = _key_rule(values, depth, problems)
    _note_what_has_no_effect(values, recommended, problems)
    return Rules(
        spatial=gap_rules["spatial"],
        temporal=gap_rules["temporal"],
        cross=gap_rules["cross"],
        mlp_spatial=mlp,
        mlp_temporal=mlp,
    )


def _with_recommended_mlp(
    values: Mapping[str, Any],
    recommended: Mapping[str, Any] | None,
    depth: int,
    problems: Problems,
) -> Mapping[str, Any]:
    if not values["mlp_recommended"] or values["mlp_keys"] is not None:
        return values
    if recommended is None or recommended["keys"] is None:
        problems.add("mlp_recommended", True, "the model recommends none: model.mlp.keys=null")
        return values
    if values["mlp_gap"] > 1:
        problems.add(
            "mlp_recommended",
            True,
            f"contradicts mlp_gap={values['mlp_gap']}: MLPs are broadcast by keys or by gap; "
            "set mlp_gap=1 or mlp_recommended=false",
        )
        return values
    block = values["mlp_block"]
    if block is None and recommended["block"] is not None:
        first, last = recommended["block"]
        block = [min(first, depth - 1), min(last, depth - 1)]
    return {
        **values,
        "mlp_keys": recommended["keys"],
        "mlp_reuse_steps": recommended["reuse_steps"],
        "mlp_key_distance": recommended["key_distance"],
        "mlp_block": block,
    }


def _gap_rule(
    kind: Kind,
    values: Mapping[str, Any],
    recommended: Mapping[str, Sequence[int] | None],
    depth: int,
    problems: Problems,
) -> GapRule:
    before = len(problems.found)
    threshold = values[f"{kind}_threshold"]
    key = f"{kind}_threshold"
    if threshold is None:
        threshold, key = recommended[kind], f"model.threshold.{kind}"
    window = None if threshold is None else _window(key, threshold, problems)
    gap = values[f"{kind}_gap"]
    if gap < 1:
        problems.add(f"{kind}_gap", gap, "must be a whole number of at least 1 (1 reuses nothing)")
    block = _block(f"{kind}_block", values[f"{kind}_block"], depth, problems)
    if len(problems.found) > before or window is None or recommended[kind] is None:
        return GapRule()
    return GapRule(skip=values[f"{kind}_skip"], threshold=window, gap=gap, block=block)


def _key_rule(values: Mapping[str, Any], depth: int, problems: Problems) -> KeyRule:
    keys: list[int] = values["mlp_keys"]
    reuse_steps: int = values["mlp_reuse_steps"]
    distance: int = values["mlp_key_distance"]
    before = len(problems.found)
    if values["mlp_gap"] > 1:
        problems.add(
            "mlp_keys",
            keys,
            f"contradicts mlp_gap={values['mlp_gap']}: MLPs are broadcast by keys or by gap; "
            "set mlp_gap=1 or mlp_keys=null",
        )
    if not keys:
        problems.add("mlp_keys", keys, "must name at least one timestep; null = no keys")
    elif len(set(keys)) < len(keys):
        problems.add("mlp_keys", keys, "must not name a timestep twice")
    elif min(keys) < 0 or max(keys) > 1000:
        problems.add("mlp_keys", keys, "must be timesteps from 0 to 1000")
    if reuse_steps < 0:
        problems.add("mlp_reuse_steps", reuse_steps, "must be a whole number of at least 0")
    if distance < 0:
        problems.add(
            "mlp_key_distance",
            distance,
            "must be a whole number of at least 0 (0: a key takes effect at exactly its timestep)",
        )
    # The range itself was checked, and clipped with a notice, with the gap rule.
    block = _block("mlp_block", values["mlp_block"], depth, Problems())
    if len(problems.found) > before or not values["mlp_skip"]:
        return KeyRule()
    first, last = block or (0, depth - 1)
    blocks = frozenset(range(first, last + 1))
    return KeyRule(tuple(Key(timestep, reuse_steps, blocks) for timestep in keys), distance)


def _window(key: str, value: Sequence[int], problems: Problems) -> Window:
    if len(value) != 2:
        problems.add(key, value, "must be two timesteps [low,high]")
    elif value[0] >= value[1]:
        problems.add(key, value, "must be [low,high] timesteps with low below high")
    else:
        return (value[0], value[1])
    return (0, 1000)


def _block(
    key: str, value: Sequence[int] | None, depth: int, problems: Problems
) -> tuple[int, int] | None:
    if value is None:
        return None
    if len(value) != 2 or value[0] < 0 or value[1] < value[0]:
        problems.add(key, value, "must be [first,last] block, counted from 0, first <= last")
        return None
    first, last = value
    if first >= depth > 0:
        problems.add(key, value, f"begins beyond the model's last block, which is {depth - 1}")
        return None
    if last >= depth > 0:
        problems.notices.append(
            f"{key}={show(value)} ends beyond the model's last block: "
            f"taken as {show((first, depth - 1))}"
        )
        last = depth - 1
    return first, last


def _note_what_has_no_effect(
    values: Mapping[str, Any],
    recommended: Mapping[str, Sequence[int] | None],
    problems: Problems,
) -> None:
    for kind in KINDS:
        if values[f"{kind}_gap"] > 1:
            rule = f"{kind}_gap={values[f'{kind}_gap']} has no effect"
            if recommended[kind] is None:
                problems.notices.append(f"{rule}: the model has no {kind} attention")
            elif not values[f"{kind}_skip"]:
                problems.notices.append(f"{rule}: {kind}_skip is false")
    if values["mlp_keys"] is not None:
        if not values["mlp_skip"]:
            problems.notices.append("mlp_keys has no effect: mlp_skip is false")
        if values["mlp_threshold"] is not None:
            problems.notices.append("mlp_threshold has no effect: mlp_keys decides when")
