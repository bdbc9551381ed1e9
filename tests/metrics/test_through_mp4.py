"""The authors' protocol: both sides through mp4, always under a name that says so."""

import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import About, InvalidVideo, get_metric
from pab_bench.metrics import through_mp4 as module
from pab_bench.metrics.through_mp4 import round_trip


def test_what_the_file_alone_costs(arrays):
    """Known for this clip: about 32 dB, SSIM 0.93, LPIPS 0.02; four frames come near that."""
    back = round_trip(arrays["ref"], 8)
    assert back.shape == arrays["ref"].shape
    assert get_metric("psnr").values(back, arrays["ref"]).mean() == pytest.approx(32, abs=1.5)
    assert get_metric("ssim").values(back, arrays["ref"]).mean() == pytest.approx(0.93, abs=0.02)
    assert get_metric("lpips").values(back, arrays["ref"]).mean() == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("name", ["psnr", "mse", "ssim", "lpips"])
def test_the_metric_of_what_was_read_back(name, arrays):
    metric = get_metric(f"{name}_through_mp4")
    found = metric.values(arrays["noise"], arrays["ref"], About(frames_per_second=8))
    back = [round_trip(arrays[key], 8) for key in ("noise", "ref")]
    np.testing.assert_array_equal(found, get_metric(name).values(*back))
    raw = get_metric(name).values(arrays["noise"], arrays["ref"])
    assert np.abs(found - raw).max() > 1e-4
    assert metric.label.endswith("(through mp4)")
    assert metric.column.endswith("_through_mp4")
    assert "libx264" in metric.definition
    assert metric.higher_is_better == get_metric(name).higher_is_better


def test_sides_become_multiples_of_16():
    video = np.random.default_rng(0).integers(0, 256, (2, 97, 131, 3), dtype=np.uint8)
    assert round_trip(video, 8).shape == (2, 112, 144, 3)


def test_every_array_is_written_once(arrays, monkeypatch):
    calls = []
    original = module._written_and_read
    monkeypatch.setattr(
        module, "_written_and_read", lambda *given: calls.append(1) or original(*given)
    )
    video, reference = arrays["blur"].copy(), arrays["ref"].copy()
    for name in ("psnr", "ssim"):
        get_metric(f"{name}_through_mp4").values(video, reference)
    assert len(calls) == 2
    other = video.copy()
    other[:] = 0
    assert get_metric("psnr_through_mp4").values(other, reference)[0] < 20
    assert len(calls) == 3
    round_trip(other, 24)
    assert len(calls) == 4
    kept = len(module._kept)
    del other
    assert len(module._kept) == kept - 2


def test_refused_input(arrays):
    with pytest.raises(InvalidVideo, match="same shape"):
        get_metric("psnr_through_mp4").values(arrays["ref"], arrays["ref"][:2])


def test_no_encoder_is_a_reason(arrays, monkeypatch):
    import imageio

    def fails(*arguments, **options):
        raise OSError("no encoder here")

    monkeypatch.setattr(imageio, "mimwrite", fails)
    with pytest.raises(MetricUnavailable, match="mp4: cannot be written and read back: no encoder"):
        get_metric("psnr_through_mp4").values(arrays["jpeg"].copy(), arrays["ref"].copy())
