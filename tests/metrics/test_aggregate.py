"""Means over frames and videos."""

import json
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.metrics import (
    InvalidVideo,
    Mean,
    Psnr,
    Ssim,
    mean_in_batches,
    mean_of_frames,
    mean_of_videos,
    measure_video,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@pytest.mark.parametrize("metric", ["psnr", "ssim", "lpips"])
def test_golden_set_means(metric, fixture_folder):
    golden = json.loads((fixture_folder / "set_means.json").read_text("utf-8"))
    videos = list(golden["per_frame"][metric].values())
    expected = golden["set"][metric]
    mean = mean_of_videos([mean_of_frames(video) for video in videos])
    assert mean.value == pytest.approx(expected["mean_of_videos"], abs=1e-7)
    full = mean_in_batches(videos, 16)
    assert full == pytest.approx(expected["upstream_eval_batch16"], abs=1e-7)
    # A last batch of one video among batches of three: here the two definitions part.
    ragged = mean_in_batches(videos, 3)
    assert ragged == pytest.approx(expected["upstream_eval_batch3"], abs=1e-7)
    assert abs(ragged - mean.value) > 1e-3


def test_every_video_weighs_the_same():
    long, short = mean_of_frames([0.0] * 99), mean_of_frames([1.0])
    assert mean_of_videos([long, short]).value == 0.5


@given(VALUES, st.randoms())
def test_frame_order_does_not_matter(values, random):
    mean = mean_of_frames(values)
    shuffled = list(values)
    random.shuffle(shuffled)
    assert mean_of_frames(shuffled) == mean
    assert mean.value == pytest.approx(fmean(values))
    assert min(values) <= mean.value <= max(values) or mean.value == pytest.approx(values[0])


@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(1, 5))
def test_missing_videos_neither_count_nor_vanish(videos, absent):
    present = [mean_of_frames(video) for video in videos]
    missing = [Mean(None, reason=f"reason {number}") for number in range(absent)]
    mean = mean_of_videos(present + missing)
    assert mean.value == mean_of_videos(present).value
    assert mean.count == len(videos)
    assert mean.missing == tuple(video.reason for video in missing)


@pytest.mark.parametrize(
    ("mean", "reason"),
    [
        (mean_of_frames([]), "no frames"),
        (mean_of_frames([1.0, float("nan"), float("inf")]), "2 of 3 values are not finite"),
        (mean_of_videos([]), "no videos"),
        (mean_of_videos([Mean(None, reason="x")]), "none of the videos has a value"),
    ],
)
def test_no_mean_has_a_reason(mean, reason):
    assert mean.value is None
    assert mean.reason == reason


@pytest.mark.parametrize(("value", "reason"), [(None, ""), (1.0, "a reason")])
def test_mean_is_a_value_or_a_reason(value, reason):
    with pytest.raises(ValueError, match="a value or a reason"):
        Mean(value, reason=reason)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"shape \(frames,\), got \(2, 2\)"):
        mean_of_frames(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="same shape"):
        mean_in_batches([[1.0], [1.0, 2.0]], 2)
    with pytest.raises(ValueError, match="batch size >= 1"):
        mean_in_batches([[1.0]], 0)


def test_unavailable_metric_is_a_missing_value_but_a_wrong_array_is_an_error():
    tiny = np.zeros((2, 8, 8, 3), np.uint8)
    measured = measure_video(Ssim(), tiny, tiny)
    assert measured.mean.value is None
    assert "at least 11x11" in measured.mean.reason
    assert measured.values.size == 0
    with pytest.raises(InvalidVideo):
        measure_video(Psnr(), tiny, tiny[:1])
