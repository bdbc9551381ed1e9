"""Several metrics of videos that go by one at a time."""

import json
import weakref

import numpy as np
import pytest

from pab_bench.experiment.measuring import measure
from pab_bench.metrics import Clip, InvalidVideo, get_metrics, measure_set
from pab_bench.metrics.measure import NO_BASELINE

NAMES = ("psnr", "motion_ratio", "temporal_flickering")


def clip(seed, frames=3, side=24):
    generator = np.random.default_rng(seed)
    return Clip(*generator.integers(0, 256, (2, frames, side, side, 3), dtype=np.uint8))


def test_values_are_those_of_the_metrics_alone():
    clips = [clip(seed) for seed in range(3)]
    for one in measure_set(get_metrics(NAMES), clips):
        expected = [one.metric.values(c.video, c.reference) for c in clips]
        for video, values in zip(one.videos, expected, strict=True):
            np.testing.assert_array_equal(video.values, values)
        assert one.total.value == pytest.approx(np.mean([v.mean() for v in expected]))
        assert one.reason is None


def test_only_one_video_is_held():
    alive = []

    def clips():
        for seed in range(3):
            # The one before is gone by the time the next is asked for.
            assert all(reference() is None for reference in alive)
            made = clip(seed)
            alive.append(weakref.ref(made.video))
            yield made
            del made

    measured = measure_set(get_metrics(["psnr", "temporal_flickering"]), clips())
    assert measured[0].total.count == 3


def test_what_is_missing_is_counted_with_its_reason():
    still = clip(0, frames=1)
    (measured,) = measure_set(get_metrics(["temporal_flickering"]), [clip(1), still, still])
    summary = measured.summary()
    assert summary["videos"] == 1
    assert summary["value"] == measured.videos[0].mean.value
    assert summary["missing"] == {"temporal_flickering: expected at least 2 frames, got 1": 2}
    assert summary["reason"] is None
    assert json.dumps(summary, allow_nan=False)
    (nothing,) = measure_set(get_metrics(["temporal_flickering"]), [still])
    assert nothing.summary()["reason"] == "temporal_flickering: expected at least 2 frames, got 1"
    (none,) = measure_set(get_metrics(["temporal_flickering"]), [])
    assert none.reason == "no videos"


def test_without_a_baseline_only_metrics_of_one_video_have_values():
    single = Clip(clip(0).video, None)
    psnr, mse, flickering = measure_set(get_metrics(["psnr", "temporal_flickering"]), [single])
    assert psnr.reason == mse.reason == NO_BASELINE
    assert flickering.total.value is not None


def test_videos_that_do_not_fit_are_an_error():
    wrong = Clip(clip(0).video, clip(0).reference[:2])
    with pytest.raises(InvalidVideo, match="same shape"):
        measure_set(get_metrics(["temporal_flickering"]), [wrong])


def test_rows_and_summary_of_a_point():
    clips = {(0, 7): clip(0), (1, 7): clip(1)}
    videos, baseline = (
        {key: getattr(c, side) for key, c in clips.items()} for side in ("video", "reference")
    )
    rows, quality = measure(NAMES, videos, baseline, "cpu", ["a cat", "a dog"])
    assert list(quality) == ["psnr_db", "mse", "motion_ratio", "temporal_flickering"]
    counts = {column: sum(row["metric"] == column for row in rows) for column in quality}
    # Three frames and the video; the video alone; two pairs of frames and the video.
    assert counts == {"psnr_db": 8, "mse": 8, "motion_ratio": 2, "temporal_flickering": 6}
    whole = [row for row in rows if row["frame"] == -1 and row["metric"] == "psnr_db"]
    assert [(row["prompt"], row["seed"]) for row in whole] == [(0, 7), (1, 7)]
    assert quality["psnr_db"]["value"] == pytest.approx(np.mean([row["value"] for row in whole]))
    assert quality["psnr_db"]["unit"] == "dB"
    assert quality["motion_ratio"]["ideal"] == 1.0
    assert quality["motion_ratio"]["higher_is_better"] is None


def test_a_baseline_has_only_what_needs_no_reference():
    rows, quality = measure(NAMES, {(0, 0): clip(0).video}, None, "cpu")
    assert {row["metric"] for row in rows} == {"temporal_flickering"}
    assert quality["psnr_db"]["reason"] == NO_BASELINE
    assert quality["psnr_db"]["value"] is None
