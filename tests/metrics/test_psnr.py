"""PSNR against golden values of the PAB evaluation, scikit-image and torchmetrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_strategy
from skimage.metrics import peak_signal_noise_ratio

from pab_bench.errors import ConfigError
from pab_bench.metrics import InvalidVideo, MeanSquaredError, Psnr

VIDEO = array_strategy(np.uint8, st.tuples(st.just(2), st.just(5), st.just(4), st.just(3)))


@pytest.mark.parametrize("pair", ["noise", "blur", "jpeg", "shift"])
def test_golden_values(pair, arrays, golden):
    expected = golden["pairs"][pair]["upstream"]["psnr"]["per_frame"]
    np.testing.assert_allclose(
        Psnr().values(arrays[pair], arrays["ref"]), expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("pair", ["noise", "shift"])
def test_mean_squared_error_is_exact(pair, arrays, golden):
    expected = golden["pairs"][pair]["cross_check"]["mse_float64"]
    np.testing.assert_allclose(
        MeanSquaredError().values(arrays[pair], arrays["ref"]), expected, rtol=1e-13
    )


def test_scikit_image(random_videos):
    video, reference = random_videos
    expected = [
        peak_signal_noise_ratio(a / 255, b / 255, data_range=1.0)
        for a, b in zip(reference, video, strict=True)
    ]
    np.testing.assert_allclose(Psnr().values(video, reference), expected, atol=1e-5)


def test_torchmetrics_per_frame(random_videos):
    torch = pytest.importorskip("torch")
    import pab_bench.imports.torchvision  # noqa: F401

    functional = pytest.importorskip("torchmetrics.functional.image")
    video, reference = (torch.tensor(v).permute(0, 3, 1, 2).double() / 255 for v in random_videos)
    expected = functional.peak_signal_noise_ratio(
        video, reference, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )
    np.testing.assert_allclose(Psnr().values(*random_videos), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(("difference", "decibels"), [(16, 24.0484), (128, 5.9866), (255, 0.0)])
def test_constant_difference_does_not_wrap(difference, decibels):
    # uint8 arithmetic would square 16 to 0 and call these frames identical.
    reference = np.zeros((1, 8, 8, 3), np.uint8)
    video = reference + np.uint8(difference)
    for first, second in ((video, reference), (reference, video)):
        assert Psnr().values(first, second) == pytest.approx([decibels], abs=1e-4)


def test_identical_frames_are_capped():
    video = np.full((2, 8, 8, 3), 9, np.uint8)
    assert Psnr().values(video, video).tolist() == [100.0, 100.0]


def test_one_step_in_one_sample():
    reference = np.zeros((1, 128, 128, 3), np.uint8)
    video = reference.copy()
    video[0, 0, 0, 0] = 1
    # Not capped at this size: 10 log10(255^2 * 128 * 128 * 3).
    assert Psnr().values(video, reference) == pytest.approx([95.0462], abs=1e-4)
    large = np.zeros((1, 227, 227, 3), np.uint8)
    changed = large.copy()
    changed[0, 0, 0, 0] = 1
    assert Psnr().values(changed, large).tolist() == [100.0]


@given(VIDEO, VIDEO)
def test_symmetric_and_in_range(video, reference):
    values = Psnr().values(video, reference)
    np.testing.assert_array_equal(values, Psnr().values(reference, video))
    low, high = Psnr.value_range
    assert values.shape == (2,)
    assert values.dtype == np.float64
    assert ((values >= low) & (values <= high)).all()


@pytest.mark.parametrize(
    ("video", "reference", "message"),
    [
        (np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8, 3), np.uint8), "uint8.*got float64"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8), r"frames.*\(8, 8, 3\)"),
        (np.zeros((1, 3, 8, 8), np.uint8), np.zeros((1, 3, 8, 8), np.uint8), r"\(1, 3, 8, 8\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), np.zeros((0, 8, 8, 3), np.uint8), "without empty axes"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8), "same shape.*2.*1"),
        (np.zeros((1, 8, 8, 3), np.uint8), None, "baseline's frames, got None"),
        ([[1]], np.zeros((1, 8, 8, 3), np.uint8), "numpy array, got list"),
    ],
)
def test_refused_input(video, reference, message):
    with pytest.raises(InvalidVideo, match=message):
        Psnr().values(video, reference)


@pytest.mark.parametrize("cap", [48.0, 120.0])
def test_the_cap_is_a_setting(arrays, cap):
    half = np.concatenate([arrays["ref"][:2], arrays["noise"][2:]])
    values, default = (Psnr(**k).values(half, arrays["ref"]) for k in ({"cap_db": cap}, {}))
    assert values[:2].tolist() == [cap, cap]
    assert default[:2].tolist() == [100.0, 100.0]
    np.testing.assert_array_equal(values[2:], default[2:])
    assert Psnr(cap_db=20.0).values(half, arrays["ref"]).tolist() == [20.0] * 4
    assert MeanSquaredError().values(half, arrays["ref"])[:2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("cap", [0, -3.0, float("inf"), float("nan")])
def test_refused_cap(cap):
    with pytest.raises(ConfigError, match="cap_db must be a finite number > 0"):
        Psnr(cap_db=cap)


def test_many_batches_equal_one(arrays, monkeypatch):
    expected = Psnr().values(arrays["noise"], arrays["ref"])
    monkeypatch.setattr("pab_bench.metrics.psnr.PIXELS_PER_BATCH", 1)
    np.testing.assert_array_equal(Psnr().values(arrays["noise"], arrays["ref"]), expected)
