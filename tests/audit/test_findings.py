"""The silent failures of diffusers' caches, found by measurement; numbers as in `methods_b`."""

from __future__ import annotations

import pytest
import torch

PAB = "diffusers:PyramidAttentionBroadcastConfig"
FASTER = "diffusers:FasterCacheConfig"
TAYLOR = "diffusers:TaylorSeerCacheConfig"
SEA = "diffusers:SeaCacheConfig"
OWN = "audit.caches"


def test_1_one_state_for_both_calls_of_a_step(audited):
    found = audited("wan", PAB, {"spatial_attention_block_skip_range": 2}, audit=False)
    assert {"lanes_apart", "more_computed_than_asked"} <= set(found.evidence)
    assert "call 0 0.0%, call 1 56.2%" in found.evidence["lanes_apart"]
    mixed = found.mixed()["lanes_mixed"]
    assert "call 0 of a step is given moved" in mixed
    assert "call 1 gives something else at 9 of 16" in mixed
    # The calls that README's runs computed, by lane.
    assert found.content["calls"] == ["2" * 16, "2222222+++++++++"]


APART = {"tensor_format": "BFCHW", "unconditional_batch_timestep_skip_range": [-1, 0]}


def test_5_windows_that_do_not_overlap(audited):
    found = audited("cogvideox", FASTER, APART, audit=False)
    assert found.content["attached"] == 6  # Five attention modules and the transformer.
    names = {"reused_nothing", "window_never_entered", "halves_not_left_out"}
    assert set(found.evidence) == names
    assert "all 10 sites computed at all 16 steps" in found.evidence["reused_nothing"]
    assert "(-1, 0)" in found.evidence["window_never_entered"]


@pytest.mark.slow
@pytest.mark.parametrize(("enable", "arguments"), [(FASTER, APART), (TAYLOR, {}), (SEA, {})])
def test_what_reuses_nothing_equals_the_baseline(audited, enable, arguments):
    found = audited("cogvideox", enable, arguments)
    assert {"reused_nothing", "equals_baseline"} <= set(found.evidence)
    assert "differs_after_broken_off" not in found.evidence


@pytest.mark.parametrize("model", ["wan", "cogvideox"])
def test_7_patterns_that_match_nothing(audited, model):
    found = audited(model, TAYLOR, audit=False)
    assert set(found.evidence) == {"attached_nothing", "reused_nothing"}
    assert found.evidence["attached_nothing"].startswith("0 of ")


def test_9_a_model_that_is_not_served(audited):
    found = audited("cogvideox", SEA, audit=False)
    assert found.content["attached"] == 6
    assert set(found.evidence) == {"reused_nothing"}


def test_15_what_a_video_that_was_broken_off_leaves(audited):
    found = audited("cogvideox", PAB, {"spatial_attention_block_skip_range": 2}, audit=False)
    assert found.evidence == {}
    evidence = found.broken_off()["differs_after_broken_off"]
    assert "relative L2 of the latents 0.003" in evidence
    assert "steps 2222+2+2+2+2+2+2, not 22222+2+2+2+2+22" in evidence


@pytest.mark.slow
@pytest.mark.parametrize("model", ["wan", "cogvideox"])
def test_17_a_first_call_that_another_video_has_computed(audited, model):
    arguments = {
        "cache_identifiers": [r"^\w*blocks\.\d+\.attn\d$"],
        "taylor_factors_dtype": "float32",
    }
    found = audited(model, TAYLOR, arguments)
    assert set(found.evidence) == {"differs_after_broken_off", "first_call_reused"}
    assert found.content["calls"] == ["222+2++++2++++2+"] * (2 if model == "wan" else 1)


@pytest.mark.slow
def test_halves_that_are_left_out_are_no_mixture(audited):
    found = audited("cogvideox", FASTER, {"tensor_format": "BFCHW"})
    assert set(found.evidence) == {"differs_after_broken_off"}
    assert found.content["calls"] == ["2222221+1+2+1+12"]


@pytest.mark.slow
def test_2_the_same_mixture_in_fastercache(audited):
    found = audited("wan", FASTER, {"is_guidance_distilled": True})
    assert {"lanes_apart", "lanes_mixed"} <= set(found.evidence)


def test_20_a_timestep_that_is_never_told(audited):
    found = audited("cogvideox", f"{OWN}:never_inside", audit=False)
    assert set(found.evidence) == {"window_never_entered", "reused_nothing"}
    assert "it was told 0 always" in found.evidence["window_never_entered"]
    assert "of which 11 of 16 lie inside" in found.evidence["window_never_entered"]


MAG = "diffusers:MagCacheConfig"


def test_11_another_number_of_steps(audited):
    found = audited("wan", MAG, {"mag_ratios": [1.0] * 28}, audit=False)
    own = "it was told of 28 steps, and 16 are sampled"
    assert found.evidence["told_other_steps"] == own
    told = {"mag_ratios": [1.0] * 16, "num_inference_steps": 16}
    assert "told_other_steps" not in audited("wan", MAG, told, audit=False).evidence


@pytest.mark.slow
def test_one_cache_of_diffusers_that_keeps_its_word(audited):
    found = audited("wan", SEA, {"threshold": 0.6})
    assert found.evidence == {}
    assert "0" in found.content["calls"][0]


@pytest.mark.parametrize(
    ("model", "lanes"), [("cogvideox", 1), pytest.param("wan", 2, marks=pytest.mark.slow)]
)
def test_our_own_pab_keeps_its_word(audited, model, lanes):
    found = audited(model, f"{OWN}:ours", {"lanes": lanes}, kinds=("spatial",))
    assert found.evidence == {}
    assert all("+" in calls for calls in found.content["calls"])


def test_a_cache_that_forgets_nothing_and_stays(audited):
    found = audited("cogvideox", f"{OWN}:forgets_nothing", {"twice": True})
    assert {"computed_twice", "left_behind"} <= set(found.evidence)
    assert {"differs_after_another_video", "first_call_reused"} & set(found.evidence)
    assert "2 times its batch" in found.evidence["computed_twice"]
    # What is left is removed: the next test finds the bare model.
    sampler = found.scene.sampler
    assert all(
        "forward" not in vars(own) for own in sampler.pipeline.transformer.transformer_blocks
    )


def test_halves_that_are_mixed_in_one_call(audited):
    assert (
        "half 0" in audited("cogvideox", f"{OWN}:blends_halves", audit=False).mixed()["lanes_mixed"]
    )


def test_kinds_that_the_user_asked_for(audited):
    found = audited("cogvideox", f"{OWN}:ours", kinds=("mlp",), audit=False)
    assert set(found.evidence) == {"kind_not_reused", "kind_not_asked"}
    assert found.evidence["kind_not_reused"].startswith("mlp: 0 % reused (spatial ")


def test_something_that_does_nothing(audited):
    found = audited("cogvideox", f"{OWN}:nothing", audit=False)
    assert set(found.evidence) == {"attached_nothing", "reused_nothing"}


def test_every_finding_says_what_it_means_and_what_to_do(audited):
    found = audited("cogvideox", f"{OWN}:nothing", audit=False)
    for own in found.content["findings"]:
        assert own["meaning"]
        assert own["remedy"]


def test_the_bare_model_is_watched_without_being_changed(audited):
    scene = audited("cogvideox", SEA, audit=False).scene
    text, noise = scene.sampler.encode(""), scene.sampler.noise(3)
    bare = scene.sampler.denoise(text, noise, 16, scene.guidance, lambda step: None)
    with scene.witness() as witness:
        watched = scene.sampler.denoise(text, noise, 16, scene.guidance, lambda step: None)
    assert torch.equal(bare, watched)
    assert all((table == 1).all() for table in witness.seen.computed.values())
    assert all(table.all() for table in witness.seen.visited.values())
