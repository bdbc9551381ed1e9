"""FVD: the distance between known distributions, and the network's part with one of our making."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import Clip, MetricSettings, get_metrics, measure_set
from pab_bench.metrics.fvd import frechet_distance

torch = pytest.importorskip("torch")


class Channels(torch.nn.Module):
    """Takes what the I3D file takes; its features are the mean colours and their spread."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool):
        assert return_features
        assert not rescale
        assert not resize
        assert x.size(3) == 224
        assert x.size(4) == 224
        assert x.min() >= -1
        return torch.cat([x.mean(dim=(2, 3, 4)), x.std(dim=(2, 3, 4))], dim=1)


@pytest.fixture
def folder(tmp_path):
    torch.jit.script(Channels()).save(str(tmp_path / "i3d_torchscript.pt"))
    return str(tmp_path)


def fvd(clips, folder):
    (measured,) = measure_set(
        get_metrics(["fvd"], settings=MetricSettings(weights_folder=folder)), clips
    )
    return measured


def videos(count, seed, shift=0):
    generator = np.random.default_rng(seed)
    return [
        generator.integers(0, 200, (10, 20, 30, 3), dtype=np.uint8) + shift for _ in range(count)
    ]


@pytest.mark.parametrize("samples", [6, 40])
def test_distance_of_scipy(samples):
    generator = np.random.default_rng(samples)
    # With six samples of ten dimensions the covariances have no full rank.
    first, second = generator.normal(size=(2, samples, 10)) * [[[1]], [[2]]]
    covariances = [np.cov(side, rowvar=False) for side in (first, second)]
    cross = sqrtm(covariances[0] @ covariances[1])
    expected = np.sum((first.mean(0) - second.mean(0)) ** 2) + np.trace(
        covariances[0] + covariances[1] - 2 * np.real(cross)
    )
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_distance_of_normal_distributions():
    generator = np.random.default_rng(0)
    first = generator.normal(0, 1, (200_000, 1))
    second = generator.normal(3, 2, (200_000, 1))
    # (3 - 0)^2 + (2 - 1)^2
    assert frechet_distance(first, second) == pytest.approx(10, rel=0.02)


def test_sets_of_videos(folder):
    same = [Clip(video, video) for video in videos(4, 0)]
    assert fvd(same, folder).total.value == pytest.approx(0, abs=1e-9)
    pairs = zip(videos(4, 0, np.uint8(30)), videos(4, 0), strict=True)
    moved = fvd([Clip(*pair) for pair in pairs], folder)
    # Each mean colour moves by 30 of 255, on a scale from -1 to 1.
    assert moved.total.value == pytest.approx(3 * (2 * 30 / 255) ** 2, rel=1e-3)
    assert moved.total.count == 4
    assert not moved.videos


def test_too_few_or_too_short_videos_are_a_reason(folder):
    (video,) = videos(1, 0)
    assert "at least 2 videos with features, got 1" in fvd([Clip(video, video)], folder).reason
    short = fvd([Clip(video[:9], video[:9])] * 2, folder)
    assert short.total.value is None
    assert short.reason == "fvd: expected at least 10 frames, got 9"
    alone = fvd([Clip(video, None)], folder)
    assert "not compared with itself" in alone.reason


def test_missing_weights_are_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (video,) = videos(1, 0)
    measured = fvd([Clip(video, video)] * 2, None)
    place = tmp_path / "hub" / "checkpoints" / "i3d_torchscript.pt"
    assert measured.total.value is None
    assert f"fvd: missing weights: {place} (from the StyleGAN-V project" in measured.reason
    place.parent.mkdir(parents=True)
    place.write_bytes(b"nothing")
    assert "is no TorchScript file" in fvd([Clip(video, video)] * 2, None).reason


def test_the_reason_is_an_error_of_its_own_kind():
    assert issubclass(MetricUnavailable, Exception)
