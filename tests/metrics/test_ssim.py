"""SSIM against golden values, torchmetrics and the formula written out with scipy."""

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from skimage.metrics import structural_similarity

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import Ssim


def ssim_written_out(first, second):
    """SSIM of one frame from Wang et al.'s formula, samples in [0, 1]."""
    positions = np.arange(-5, 6)
    window = np.exp(-(positions**2) / (2 * 1.5**2))
    window /= window.sum()

    def local_mean(plane):
        blurred = convolve1d(convolve1d(plane, window, axis=0), window, axis=1)
        return blurred[5:-5, 5:-5]

    channels = []
    for channel in range(3):
        x, y = first[..., channel] / 255, second[..., channel] / 255
        mean_x, mean_y = local_mean(x), local_mean(y)
        variance_x = local_mean(x * x) - mean_x**2
        variance_y = local_mean(y * y) - mean_y**2
        covariance = local_mean(x * y) - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        structure = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
        channels.append((luminance * structure).mean())
    return np.mean(channels)


@pytest.mark.parametrize("pair", ["noise", "blur", "jpeg", "shift"])
def test_golden_values(pair, arrays, golden):
    expected = golden["pairs"][pair]["upstream"]["ssim"]["per_frame"]
    np.testing.assert_allclose(
        Ssim().values(arrays[pair], arrays["ref"]), expected, rtol=0, atol=1e-6
    )


def test_formula(random_videos, arrays):
    for video, reference in (random_videos, (arrays["blur"], arrays["ref"])):
        expected = [ssim_written_out(a, b) for a, b in zip(video, reference, strict=True)]
        np.testing.assert_allclose(Ssim().values(video, reference), expected, atol=1e-7)


def test_torchmetrics_cropped_to_where_the_window_fits(random_videos):
    torch = pytest.importorskip("torch")
    import pab_bench.imports.torchvision  # noqa: F401

    functional = pytest.importorskip("torchmetrics.functional.image")
    video, reference = (torch.tensor(v).permute(0, 3, 1, 2).double() / 255 for v in random_videos)
    _, maps = functional.structural_similarity_index_measure(
        video, reference, data_range=1.0, sigma=1.5, kernel_size=11, return_full_image=True
    )
    expected = maps[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    np.testing.assert_allclose(Ssim().values(*random_videos), expected.numpy(), atol=1e-7)


def test_scikit_image(random_videos):
    expected = [
        structural_similarity(
            first / 255,
            second / 255,
            channel_axis=-1,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for first, second in zip(*random_videos, strict=True)
    ]
    np.testing.assert_allclose(Ssim().values(*random_videos), expected, atol=1e-7)


@pytest.mark.parametrize("size", [(11, 11), (11, 64), (43, 12), (74, 53)])
@pytest.mark.parametrize("samples", [1, 2**9, 2**30])
def test_strips_do_not_change_values(size, samples, monkeypatch):
    generator = np.random.default_rng(1)
    videos = generator.integers(0, 256, (2, 2, *size, 3), dtype=np.uint8)
    expected = [ssim_written_out(a, b) for a, b in zip(*videos, strict=True)]
    monkeypatch.setattr("pab_bench.metrics.ssim.SAMPLES_PER_STRIP", samples)
    monkeypatch.setattr("pab_bench.metrics.ssim.PIXELS_PER_BATCH", samples)
    np.testing.assert_allclose(Ssim().values(*videos), expected, atol=1e-7)


def test_identical_is_one_and_inverted_is_negative(random_videos):
    video = random_videos[0]
    np.testing.assert_allclose(Ssim().values(video, video), 1.0, rtol=0, atol=1e-15)
    assert (Ssim().values(video, 255 - video) < 0).all()


def test_frames_smaller_than_the_window():
    video = np.zeros((1, 10, 40, 3), np.uint8)
    with pytest.raises(MetricUnavailable, match="at least 11x11, got 10x40"):
        Ssim().values(video, video)
    fitting = np.zeros((1, 11, 11, 3), np.uint8)
    assert Ssim().values(fitting, fitting) == pytest.approx([1.0], abs=1e-15)
