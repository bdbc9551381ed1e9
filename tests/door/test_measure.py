import numpy as np
import pytest
import torch

import pab_bench as pb
from pab_bench.errors import ConfigError
from pab_bench.metrics.base import InvalidVideo, Metric
from pab_bench.metrics.registry import get_metric


def made(seed, frames=4, side=32):
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)


VIDEO, REFERENCE = made(0), made(1)


def test_values_are_those_of_the_metrics():
    found = pb.measure(["psnr", "ssim", "temporal_flickering"], VIDEO, REFERENCE)
    assert list(found) == ["psnr_db", "mse", "ssim", "temporal_flickering"]
    assert len(found) == 4
    for name in ("psnr", "ssim", "temporal_flickering"):
        metric = get_metric(name)
        expected = metric.values(VIDEO, REFERENCE)
        assert found[name] == found[metric.column] == pytest.approx(expected.mean(), abs=1e-12)
        rows = found.per_frame().query("metric == @metric.column")
        assert rows["value"].tolist() == expected.tolist()
    assert found.missing == {}
    with pytest.raises(KeyError):
        found["lpips"]


def test_forms_of_both_sides_may_differ():
    expected = pb.measure("psnr", VIDEO, REFERENCE)["psnr"]
    floats = torch.from_numpy(REFERENCE).permute(0, 3, 1, 2)[None] / 255
    assert pb.measure("psnr", list(VIDEO), floats)["psnr"] == expected
    assert pb.measure("psnr", [VIDEO], floats)["psnr"] == expected
    signed = floats * 2 - 1
    assert pb.measure("psnr", VIDEO, signed, value_range=(-1, 1))["psnr"] == expected


def test_several_videos():
    found = pb.measure(["psnr", "fvd"], [VIDEO, REFERENCE], [REFERENCE, REFERENCE])
    assert found["psnr"] == pytest.approx((pb.measure("psnr", VIDEO, REFERENCE)["psnr"] + 100) / 2)
    rows = found.per_video().query("metric == 'psnr_db'")
    assert rows["video"].tolist() == [0, 1]
    assert rows["value"].iloc[1] == 100
    assert found.table().loc["psnr_db", "videos"] == 2


def test_what_is_missing_has_a_reason_and_no_number():
    found = pb.measure(["psnr", "temporal_flickering"], VIDEO)
    assert found["psnr"] is None
    assert found.missing["psnr_db"] == "it compares with a reference, and none was given"
    assert found.per_video().loc[0, "reason"] == found.missing["psnr_db"]
    assert np.isnan(found.table().loc["psnr_db", "value"])
    assert found["temporal_flickering"] > 0
    single = pb.measure(["temporal_flickering"], [VIDEO, VIDEO[:1]])
    assert single.missing["temporal_flickering"].startswith("1 of 2 videos: ")
    assert single["temporal_flickering"] == found["temporal_flickering"]


def test_tables_can_be_read():
    found = pb.measure("psnr", VIDEO, REFERENCE)
    assert found.table().columns.tolist() == ["label", "unit", "value", "videos", "reason"]
    assert "psnr_db" in repr(found)
    assert "<table" in found._repr_html_()


def test_prompt_and_rate_reach_the_metrics(monkeypatch):
    seen = []
    psnr = type(get_metric("psnr"))
    values = psnr.values

    def note(self: Metric, video, reference=None, about=None):
        seen.append(about)
        return values(self, video, reference)

    monkeypatch.setattr(psnr, "values", note)
    pb.measure("psnr", VIDEO, REFERENCE, prompt="a circle", frames_per_second=24)
    pb.measure("psnr", [VIDEO] * 2, [REFERENCE] * 2, prompt=["a", "b"])
    assert [(about.prompt, about.frames_per_second) for about in seen] == [
        ("a circle", 24),
        ("a", 8),
        ("b", 8),
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((VIDEO, [REFERENCE] * 2), {}, "as many references as videos, got 2 and 1"),
        ((VIDEO, REFERENCE[:2]), {}, "the same shape"),
        ((VIDEO, REFERENCE[..., :2]), {}, "reference: expected an axis of 3 colours"),
        (([VIDEO, VIDEO[0, 0]], None), {}, "video 1: expected 4 axes"),
        ((VIDEO, REFERENCE), {"prompt": ["a", "b"]}, "prompt: expected one, or 1, got 2"),
        ((VIDEO, REFERENCE), {"frames_per_second": 0}, "frames_per_second=0: must be above 0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, message):
    with pytest.raises(InvalidVideo, match=message):
        pb.measure("psnr", *arguments, **options)


def test_unknown_metrics_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'psnr'"):
        pb.measure("psnrr", VIDEO, REFERENCE)
