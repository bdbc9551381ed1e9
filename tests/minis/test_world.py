"""The procedural data set and the checker that reads it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.minis.captions import ATTRIBUTES, all_captions, split_captions
from pab_bench.minis.checker import Reading, hit_rates, read_video, validate
from pab_bench.minis.render import FRAMES, SIDE, render, sample_clips


def test_the_split_is_disjoint_and_complete():
    train, held_out = split_captions()
    assert len(held_out) == 173
    assert set(train).isdisjoint(held_out)
    assert set(train) | set(held_out) == set(all_captions())
    assert {len(c.text.split()) for c in all_captions()} == {11}
    # Every single value is seen in training, only combinations are held out.
    for name, values in ATTRIBUTES.items():
        assert {getattr(c, name) for c in train} == set(values)


def test_clips_are_seeded():
    one, same, other = (sample_clips(3, seed=1, index=i) for i in (4, 4, 5))
    assert one.captions == same.captions
    assert torch.equal(one.video, same.video)
    assert one.captions != other.captions or not torch.equal(one.video, other.video)
    assert one.video.shape == (3, FRAMES, SIDE, SIDE, 3)
    assert 0 <= one.video.min() <= one.video.max() <= 1
    some = sample_clips(3, seed=1, index=4, frames=[0, 7])
    assert torch.equal(some.video, one.video[:, [0, 7]])


def test_training_clips_never_show_a_held_out_combination():
    held_out = set(split_captions()[1])
    assert held_out.isdisjoint(sample_clips(64, seed=0, index=0, frames=[0]).captions)


def test_the_checker_reads_rendered_videos():
    """Validated on ground truth before it judges a model."""
    rates = validate(split_captions()[1])
    assert min(rates.values()) >= 0.98


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(all_captions()), st.integers(0, 1000), st.floats(0, 0.03))
def test_the_checker_stands_noise(caption, seed, noise):
    generator = np.random.Generator(np.random.PCG64(seed))
    video = render([caption], generator).video[0]
    video = video + noise * torch.from_numpy(generator.standard_normal(video.shape)).float()
    assert all(read_video(video.clamp(0, 1)).agrees(caption).values())


def test_an_empty_video_has_a_background_and_nothing_else():
    reading = read_video(torch.full((FRAMES, SIDE, SIDE, 3), 0.5))
    assert reading == Reading(None, None, "gray", None, None, None)
    rates = hit_rates([reading], [all_captions()[0]])
    assert (rates["shape"], rates["all"]) == (0, 0)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected"):
        read_video(torch.zeros(FRAMES, 32, 32, 3))
