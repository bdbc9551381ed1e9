"""MLP keys of Open-Sora: upstream's equality, and the nearest sampled timestep."""

from hypothesis import given
from hypothesis import strategies as st

from pab_bench.config.compose import compose
from pab_bench.engine.kinds import MLP_SPATIAL, MLP_TEMPORAL
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_identity import pab_of_identity
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import KeyRule, KeyTime, Rules
from pab_bench.systems.timesteps.rectified_flow import rectified_flow_timesteps

BLOCKS = frozenset(range(5))
RELEASED = tuple(KeyTime(t, 2, BLOCKS) for t in (676, 788, 864))
GROUPS = (MLP_SPATIAL, MLP_TEMPORAL)


def times(dtype="float32", height=480, width=854, frames=51):
    return rectified_flow_timesteps(30, height, width, frames, 1.0, dtype)


def reused(rule, timesteps):
    plan = make_plan(Rules(mlp_spatial=rule, mlp_temporal=rule), timesteps, 6, GROUPS)
    return plan.reuse(MLP_SPATIAL)


def test_upstreams_keys_exist_only_after_rounding_to_bfloat16():
    exact = KeyRule(RELEASED)
    assert reused(exact, times("bfloat16")).sum() == 3 * 2 * 5
    assert not reused(exact, times("float32")).any()
    assert exact.unmatched(times("float32")) == RELEASED
    assert exact.unmatched(times("bfloat16")) == ()


def test_near_keys_take_effect_in_both():
    near = KeyRule(RELEASED, max_distance=12)
    assert [key.timestep for key in near.at(times("float32"))] == [674, 787, 863]
    assert (reused(near, times("float32")) == reused(near, times("bfloat16"))).all()
    # 240p samples other timesteps: every key still has its place.
    small = times(height=240, width=426)
    assert [key.timestep for key in near.at(small)] == [679, 783, 869]


def test_a_key_that_is_too_far_has_no_effect_and_is_named():
    rule = KeyRule((KeyTime(500, 2, BLOCKS), KeyTime(100, 1, BLOCKS)), max_distance=20)
    assert [key.timestep for key in rule.at([900, 515, 490, 300])] == [490]
    assert [key.timestep for key in rule.unmatched([900, 515, 490, 300])] == [100]


def test_of_two_equally_near_the_noisier_counts():
    rule = KeyRule((KeyTime(500, 1, BLOCKS),), max_distance=10)
    assert rule.at([510, 490])[0].timestep == 510


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=40, unique=True),
    st.lists(st.integers(0, 1000), max_size=6, unique=True),
    st.integers(0, 60),
    st.integers(0, 4),
)
def test_keys_in_general(sampled, wanted, distance, reach):
    timesteps = sorted(sampled, reverse=True)
    rule = KeyRule(tuple(KeyTime(t, reach, frozenset({0, 2})) for t in wanted), distance)
    effective = rule.at(timesteps)
    assert len(effective) + len(rule.unmatched(timesteps)) == len(wanted)
    assert all(key.timestep in timesteps for key in effective)
    table = reused(rule, timesteps)
    assert not table[:, [1, 3, 4, 5]].any()
    starts = [timesteps.index(key.timestep) for key in effective]
    for step in range(len(timesteps)):
        near = any(start < step <= start + reach for start in starts)
        assert table[step, 0] == (near and step not in starts)


def test_how_far_a_key_reaches_is_part_of_what_a_point_is():
    keys = (KeyTime(745, 2, BLOCKS),)
    exact, near, usual = (
        PyramidAttentionBroadcast(Rules(mlp_spatial=KeyRule(keys, *distances)))
        for distances in ((0, 0), (10, 0), (12, 12))
    )
    assert exact.identity(4) != near.identity(4)
    assert exact.identity(4) == usual.identity(4), "published settings keep their points"
    own_keys = {"keys": [745], "key_distance": 12}
    for own, recommended in ((exact, {}), (near, {}), (usual, own_keys)):
        content = {"method": "pab", **own.identity(4)}
        assert pab_of_identity(content, recommended).rules.mlp_spatial == own.rules.mlp_spatial


def test_a_distance_that_is_not_the_models_makes_another_point():
    ours, usual = (
        compose(model="open_sora_mini", mlp_skip=True, mlp_recommended=own, **keys)
        for own, keys in ((False, {"mlp_keys": [676, 788, 864]}), (True, {}))
    )
    assert ours.method.identity(6) != usual.method.identity(6)
