"""The metrics' names, and that what they declare of themselves is true."""

import json
import math

import numpy as np
import pytest

from pab_bench.errors import ConfigError
from pab_bench.metrics import (
    METRICS,
    Lpips,
    Metric,
    MetricSettings,
    get_metric,
    get_metrics,
    measure_video,
)

WITHOUT_WEIGHTS = [
    name for name, metric in METRICS.items() if not metric.weights and "mp4" not in name
]


@pytest.mark.parametrize(
    ("name", "message"),
    [("pnsr", "Did you mean 'psnr'"), ("LPIP", "Did you mean 'lpips'"), ("qqq", "Unknown metric")],
)
def test_unknown_name(name, message):
    with pytest.raises(ConfigError, match=message) as caught:
        get_metric(name)
    assert "Available: psnr, ssim, lpips, temporal_flickering" in str(caught.value)


@pytest.mark.parametrize("name", METRICS)
def test_declarations_are_complete(name):
    metric = get_metric(name)
    declared = metric.declaration()
    assert json.loads(json.dumps(declared, allow_nan=False)) == declared
    assert declared["metric"] == name
    assert all(declared[key] for key in ("label", "definition", "source", "per"))
    # A number has a direction, or an ideal, or says only how much there is of something.
    assert metric.higher_is_better is None or metric.ideal is None
    assert metric.column.startswith(name.removesuffix("_through_mp4"))


def test_columns_are_unique():
    columns = [metric.column for metric in METRICS.values()]
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_declared_direction_and_range_hold(name, arrays):
    metric = get_metric(name)
    assert isinstance(metric, Metric)
    # Noise differs from the baseline and flickers more than it does.
    good, bad = arrays["ref"], arrays["noise"]
    measured = [measure_video(metric, video, arrays["ref"]) for video in (good, bad)]
    low, high = metric.value_range
    for one in measured:
        assert one.mean.value is not None, one.mean.reason
        assert ((one.values >= low) & (one.values <= high)).all()
        lengths = {"frame": 4, "frame pair": 3, "video": 1}
        assert len(one.values) == lengths[metric.per] or name == "blend_smoothness"
    better, worse = (one.mean.value for one in measured)
    if metric.ideal is not None:
        assert better == pytest.approx(metric.ideal)
    elif metric.higher_is_better is not None and name != "dis_dynamic_degree":
        assert (better > worse) == metric.higher_is_better


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_a_mapped_read_only_array_is_as_good(name, tmp_path, random_videos):
    np.save(tmp_path / "video.npy", random_videos)
    mapped = np.load(tmp_path / "video.npy", mmap_mode="r")
    metric = get_metric(name)
    np.testing.assert_array_equal(metric.values(*mapped), metric.values(*random_videos))


def test_metrics_come_once_with_those_they_bring():
    assert [m.name for m in get_metrics(["ssim", "psnr", "mse"])] == ["ssim", "psnr", "mse"]
    assert [m.name for m in get_metrics(["psnr_through_mp4"])] == [
        "psnr_through_mp4",
        "mse_through_mp4",
    ]


def test_settings_reach_the_metrics_that_have_them():
    settings = MetricSettings(psnr_cap_db=50.0, weights_folder="somewhere")
    assert get_metric("psnr", settings=settings).cap_db == 50.0
    assert get_metric("psnr_through_mp4", settings=settings).cap_db == 50.0
    assert get_metric("lpips", "cuda", settings) == Lpips("cuda", "somewhere")
    assert math.isinf(Lpips.value_range[1])
