"""Temporal flickering against VBench's golden values and its formula."""

from itertools import pairwise

import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import InvalidVideo, TemporalFlickering, measure_video


@pytest.mark.parametrize("video", ["ref", "noise", "blur", "jpeg", "shift"])
def test_golden_values(video, arrays, golden):
    if video == "ref":
        expected = golden["temporal_flickering_of_ref"]
    else:
        expected = golden["pairs"][video]["temporal_flickering_of_distorted"]
    metric = TemporalFlickering()
    # VBench sums in float32, which is good for about seven digits.
    np.testing.assert_allclose(
        metric.mean_absolute_differences(arrays[video]), expected["mae_per_pair_0_255"], rtol=1e-6
    )
    mean = measure_video(metric, arrays[video]).mean
    assert mean.value == pytest.approx(expected["score"], abs=1e-7)
    assert mean.count == len(arrays[video]) - 1


def test_plain_integers(random_videos):
    video = random_videos[0]
    frames = [[int(sample) for sample in frame.flat] for frame in video]
    expected = []
    for frame, following in pairwise(frames):
        differences = [abs(a - b) for a, b in zip(frame, following, strict=True)]
        expected.append((255 - sum(differences) / len(differences)) / 255)
    np.testing.assert_allclose(TemporalFlickering().values(video), expected, rtol=1e-14)


def test_extremes_do_not_wrap():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert TemporalFlickering().values(np.stack([black, white, black])).tolist() == [0.0, 0.0]
    assert TemporalFlickering().values(np.stack([white, white])).tolist() == [1.0]


def test_one_frame_has_no_flickering():
    still = np.zeros((1, 4, 4, 3), np.uint8)
    with pytest.raises(MetricUnavailable, match="at least 2 frames, got 1"):
        TemporalFlickering().values(still)
    mean = measure_video(TemporalFlickering(), still).mean
    assert mean.value is None
    assert "at least 2 frames" in mean.reason


def test_refused_input():
    with pytest.raises(InvalidVideo, match="got float32"):
        TemporalFlickering().values(np.zeros((2, 4, 4, 3), np.float32))
