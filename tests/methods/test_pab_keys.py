from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.kinds import KINDS
from pab_bench.methods.pab_keys import PAB, RULE_KEYS, rules_of_keys
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.problems import Problems

DEPTH = 12
RECOMMENDED = dict.fromkeys(KINDS, (100, 800))


def make(depth: int = DEPTH, **keys: Any) -> tuple[Rules, Problems]:
    values = {key: getattr(PAB(), key) for key in RULE_KEYS} | keys
    problems = Problems()
    return rules_of_keys(values, RECOMMENDED, depth, problems), problems


windows = st.tuples(st.integers(-10, 998), st.integers(1, 400)).map(lambda w: (w[0], w[0] + w[1]))
blocks = st.none() | st.tuples(st.integers(0, DEPTH - 1), st.integers(0, DEPTH - 1)).map(
    lambda pair: (min(pair), max(pair))
)
gap_rules = st.builds(GapRule, st.booleans(), windows, st.integers(1, 50), blocks)


@st.composite
def key_rules(draw: st.DrawFn) -> KeyRule:
    timesteps = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=6, unique=True))
    reuse = draw(st.integers(0, 5))
    first, last = draw(blocks.filter(lambda block: block is not None)) or (0, 0)
    reach = frozenset(range(first, last + 1))
    return KeyRule(tuple(KeyTime(timestep, reuse, reach) for timestep in timesteps))


def written(rules: Rules) -> dict[str, Any]:
    """The keys that a user would write for `rules`."""
    keys: dict[str, Any] = {}
    for kind in KINDS:
        rule = rules.mlp_spatial if kind == "mlp" else getattr(rules, kind)
        if isinstance(rule, KeyRule):
            reach = sorted(rule.keys[0].blocks)
            keys |= {
                "mlp_skip": True,
                "mlp_keys": [key.timestep for key in rule.keys],
                "mlp_reuse_steps": rule.keys[0].reuse_steps,
                "mlp_block": [reach[0], reach[-1]],
            }
        else:
            keys |= {
                f"{kind}_skip": rule.skip,
                f"{kind}_threshold": list(rule.threshold),
                f"{kind}_gap": rule.gap,
                f"{kind}_block": None if rule.block is None else list(rule.block),
            }
    return keys


@given(gap_rules, gap_rules, gap_rules, gap_rules | key_rules())
def test_what_is_written_is_what_is_meant(
    spatial: GapRule, temporal: GapRule, cross: GapRule, mlp: GapRule | KeyRule
) -> None:
    rules = Rules(spatial, temporal, cross, mlp, mlp)
    made, problems = make(**written(rules))
    assert problems.found == []
    assert made == rules


def test_null_threshold_is_the_models() -> None:
    assert make(spatial_gap=2)[0].spatial.threshold == (100, 800)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"spatial_gap": 0}, "spatial_gap=0: must be a whole number of at least 1"),
        ({"cross_gap": -3}, "cross_gap=-3: must be a whole number of at least 1"),
        ({"temporal_threshold": [800, 100]}, "temporal_threshold=[800,100]: must be [low,high]"),
        ({"temporal_threshold": [5, 5]}, "temporal_threshold=[5,5]: must be [low,high]"),
        ({"temporal_threshold": [5]}, "temporal_threshold=[5]: must be two timesteps"),
        ({"spatial_block": [-1, 3]}, "spatial_block=[-1,3]: must be [first,last]"),
        ({"spatial_block": [3, 1]}, "spatial_block=[3,1]: must be [first,last]"),
        ({"spatial_block": [1, 2, 3]}, "spatial_block=[1,2,3]: must be [first,last]"),
        ({"mlp_block": [12, 13]}, "mlp_block=[12,13]: begins beyond the model's last block"),
        ({"mlp_keys": [720], "mlp_gap": 2}, "mlp_keys=[720]: contradicts mlp_gap=2"),
        ({"mlp_keys": []}, "mlp_keys=[]: must name at least one timestep"),
        ({"mlp_keys": [5, 5]}, "mlp_keys=[5,5]: must not name a timestep twice"),
        ({"mlp_keys": [1001]}, "mlp_keys=[1001]: must be timesteps from 0 to 1000"),
        ({"mlp_keys": [720], "mlp_reuse_steps": -1}, "mlp_reuse_steps=-1: must be"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], message: str) -> None:
    _, problems = make(**keys)
    assert [str(p)[: len(message)] for p in problems.found] == [message]


def test_block_range_that_only_ends_beyond_is_clipped_with_a_notice() -> None:
    rules, problems = make(depth=6, spatial_block=[0, 28])
    assert rules.spatial.block == (0, 5)
    assert problems.found == []
    assert problems.notices == [
        "spatial_block=[0,28] ends beyond the model's last block: taken as [0,5]"
    ]


def test_mlp_block_is_noticed_once_for_keys() -> None:
    rules, problems = make(depth=3, mlp_skip=True, mlp_keys=[720], mlp_block=[1, 4])
    assert rules.mlp_spatial == KeyRule((KeyTime(720, 2, frozenset({1, 2})),))
    assert len(problems.notices) == 1


@pytest.mark.parametrize(
    ("keys", "notice"),
    [
        ({"mlp_gap": 3}, "mlp_gap=3 has no effect: mlp_skip is false"),
        ({"mlp_keys": [720]}, "mlp_keys has no effect: mlp_skip is false"),
        (
            {"mlp_skip": True, "mlp_keys": [720], "mlp_threshold": [1, 2]},
            "mlp_threshold has no effect: mlp_keys decides when",
        ),
    ],
)
def test_what_has_no_effect_is_said(keys: dict[str, Any], notice: str) -> None:
    assert make(**keys)[1].notices == [notice]
