"""The keys of the PAB document, and the rules that they mean for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pab_bench.engine.kinds import KINDS, BroadcastObject, Kind
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.methods.windows import SaidWindow, Window, read_window
from pab_bench.problems import Problems, show


@dataclass(frozen=True)
class PAB:
    """What is broadcast, in the keys of the PAB document; what is not given is the document's.

    `*` is `spatial`, `temporal`, `cross` or `mlp`.

    Attributes:
        *_skip: whether this kind is broadcast at all.
        *_threshold: [low, high] timesteps between which reuse is allowed, both excluded;
            `steps:[FROM,TO]`, a share of the steps; `auto`, the flat part of a baseline's attention
            differences; None = what the model recommends.
        *_gap: every gap-th step is computed, the others reuse; 1 reuses nothing.
        *_block: [first, last] block that may reuse, both included, from 0; None = all.
        mlp_keys: timesteps whose MLP output the next `mlp_reuse_steps` steps reuse; instead of
            `mlp_gap`.
        mlp_reuse_steps: how many steps reuse the output of a key.
        mlp_key_distance: how far, in timesteps, a key may be from the sampled timestep at which it
            takes effect.
        mlp_recommended: whether MLPs are broadcast with the keys that the model's authors
            recommend.
        broadcast_object: which tensor of a site is kept: `output`, `ungated` or `scores`;
            None = the model's own, which is `output` wherever there is that.

    Example:
        >>> PAB(spatial_gap=2).rules(28, {kind: (100, 800) for kind in KINDS}).spatial
        GapRule(skip=True, threshold=(100, 800), gap=2, block=None)
    """

    spatial_skip: bool = True
    spatial_threshold: SaidWindow = None
    spatial_gap: int = 1
    spatial_block: Sequence[int] | None = None

    temporal_skip: bool = True
    temporal_threshold: SaidWindow = None
    temporal_gap: int = 1
    temporal_block: Sequence[int] | None = None

    cross_skip: bool = True
    cross_threshold: SaidWindow = None
    cross_gap: int = 1
    cross_block: Sequence[int] | None = None

    mlp_skip: bool = False
    mlp_threshold: SaidWindow = None
    mlp_gap: int = 1
    mlp_block: Sequence[int] | None = None
    mlp_keys: Sequence[int] | None = None
    mlp_reuse_steps: int = 2
    mlp_key_distance: int = 0
    mlp_recommended: bool = False

    broadcast_object: BroadcastObject | None = None

    def rules(
        self,
        depth: int,
        windows: Mapping[str, SaidWindow],
        recommended_mlp: Mapping[str, Any] | None = None,
    ) -> Rules:
        """What the keys mean for a model.

        Args:
            depth: its number of block pairs.
            windows: per kind the window that is taken where `*_threshold` is None; None for a kind
                of attention that the model does not have.
            recommended_mlp: what `mlp_recommended` means: keys, reuse_steps, block, key_distance.

        Raises:
            InvalidSettings: with every key that cannot be meant.
        """
        problems = Problems()
        rules = rules_of_keys(asdict(self), windows, depth, problems, recommended_mlp)
        problems.raise_if_any()
        return rules


RULE_KEYS: tuple[str, ...] = tuple(
    entry.name for entry in fields(PAB) if entry.name != "broadcast_object"
)
"""What may stand in a `pab_file` or preset."""


def rules_of_keys(
    values: Mapping[str, Any],
    recommended: Mapping[str, SaidWindow],
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
        own = recommended_mlp or {}
        usual = own["key_distance"] if values["mlp_keys"] == own.get("keys") else 0
        mlp = replace(_key_rule(values, depth, problems), usual_distance=usual)
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
    recommended: Mapping[str, SaidWindow],
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
    return KeyRule(tuple(KeyTime(timestep, reuse_steps, blocks) for timestep in keys), distance)


def _window(key: str, value: Sequence[int] | str, problems: Problems) -> Window:
    try:
        return read_window(value)
    except ValueError as error:
        problems.add(key, value, str(error))
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
    recommended: Mapping[str, SaidWindow],
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
