"""What a configuration asks for, against diffusers' rule as it is written down in `methods_b`."""

from __future__ import annotations

from diffusers import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    PyramidAttentionBroadcastConfig,
    TaylorSeerCacheConfig,
)
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.audit.asked import Range, asked_of, windows_of


@given(
    every=st.integers(2, 9),
    ends=st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(sorted),
    timesteps=st.lists(st.integers(0, 1000), min_size=1, max_size=40),
)
def test_a_range_computes_where_the_hook_does(every, ends, timesteps):
    low, high = ends
    kept, computed = None, 0
    for count, timestep in enumerate(timesteps):
        if kept is None or not low < timestep < high or count % every == 0:
            kept, computed = timestep, computed + 1
    assert Range(every, (low, high)).computes(timesteps) == computed


def test_what_configurations_of_diffusers_ask_for():
    pab = PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2, cross_attention_block_skip_range=6
    )
    asked = asked_of(pab, None)
    assert asked.kinds == {"spatial", "cross"}
    assert asked.ranges["cross"] == Range(6, (100, 800))
    assert set(windows_of(pab)) == {
        "spatial_attention_timestep_skip_range",
        "cross_attention_timestep_skip_range",
    }
    faster = FasterCacheConfig()
    assert asked_of(faster, None).kinds == {"spatial"}
    assert asked_of(faster, None).halves == Range(5, (-1, 641))
    assert "unconditional_batch_timestep_skip_range" in windows_of(faster)
    assert asked_of(FasterCacheConfig(is_guidance_distilled=True), None).halves is None
    assert asked_of(TaylorSeerCacheConfig(), None).kinds == {"spatial", "temporal", "cross"}
    assert asked_of(TaylorSeerCacheConfig(use_lite_mode=True), None).kinds is None
    assert "mlp" in asked_of(FirstBlockCacheConfig(), None).kinds


def test_what_the_user_says_counts_more():
    asked = asked_of(FirstBlockCacheConfig(), ("cross",))
    assert asked.kinds == {"cross"}
    assert asked.others_compute
    assert asked_of(None, None).kinds is None
    assert windows_of(None) == {}
