"""Offline stand-ins: they behave as VBench's dimensions should, under names of their own."""

import cv2
import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import METRICS, About, get_metric
from pab_bench.metrics.stand_ins import dis_flow
from pab_bench.metrics.vbench.scores import DIMENSIONS

STAND_INS = (
    "dis_flow",
    "dis_dynamic_degree",
    "dis_motion_ratio",
    "alexnet_consistency",
    "blend_smoothness",
)


@pytest.fixture(scope="module")
def scene():
    """A smooth random picture, larger than the frames that are cut from it."""
    picture = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(picture, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def shifted(scene, step, frames=4):
    """The picture moving to the right by `step` pixels per frame."""
    return np.stack([scene[32:288, 48 - step * t : 304 - step * t] for t in range(frames)])


def test_names_are_not_those_of_vbench():
    assert set(STAND_INS) <= set(METRICS)
    assert not set(STAND_INS) & set(DIMENSIONS)


@pytest.mark.parametrize("step", [1, 3, 6, 8])
def test_flow_follows_a_known_shift(step, scene):
    found = get_metric("dis_flow").values(shifted(scene, step))
    assert found == pytest.approx([step] * 3, rel=0.12, abs=0.2)


@pytest.mark.parametrize(("step", "moving"), [(0, 0.0), (3, 0.0), (8, 1.0)])
def test_dynamic_degree_has_vbenchs_threshold(step, moving, scene):
    # At 256 pixels more than 6 of them must move, in one of four pairs.
    video = shifted(scene, step)
    assert get_metric("dis_dynamic_degree").values(video).tolist() == [moving]


def test_frames_are_taken_at_eight_per_second(scene):
    metric = get_metric("dis_flow")
    video = shifted(scene, 2, frames=7)
    at_24 = metric.values(video, about=About(frames_per_second=24))
    np.testing.assert_array_equal(at_24, metric.values(video[::3]))
    assert len(at_24) == 2
    with pytest.raises(MetricUnavailable, match="at least 2 frames, got 1"):
        metric.values(video[:3], about=About(frames_per_second=24))


def test_motion_ratio_by_flow(scene):
    slow, fast = shifted(scene, 2), shifted(scene, 6)
    metric = get_metric("dis_motion_ratio")
    assert metric.values(slow, fast)[0] == pytest.approx(1 / 3, rel=0.1)
    noise = np.random.default_rng(1).normal(0, 6, slow.shape)
    noisy = np.clip(slow + noise, 0, 255).astype(np.uint8)
    assert metric.values(noisy, slow)[0] == pytest.approx(1, abs=0.15)
    assert get_metric("motion_ratio").values(noisy, slow)[0] > 1.3


def test_without_opencv_the_reason_says_what_to_install(monkeypatch, scene):
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(dis_flow, "import_module", absent)
    with pytest.raises(MetricUnavailable, match=r"'cv2' \(pip install 'pab_bench\[flow\]'\)"):
        get_metric("dis_flow").values(shifted(scene, 1))


def test_consistency_of_stills_cuts_and_blur(arrays, scene):
    metric = get_metric("alexnet_consistency")
    still = np.repeat(arrays["ref"][:1], 3, axis=0)
    np.testing.assert_allclose(metric.values(still), 1, atol=1e-6)
    cut = np.concatenate([arrays["ref"][:2], scene[None, :128, :128], arrays["ref"][2:]])
    smooth, noise, blur = (metric.values(arrays[k]).mean() for k in ("ref", "noise", "blur"))
    assert metric.values(cut).mean() < smooth
    assert noise < smooth < blur


def test_batches_do_not_change_consistency(arrays, monkeypatch):
    from dataclasses import replace

    from pab_bench.metrics.networks.perceptual import BACKBONES

    expected = get_metric("alexnet_consistency").values(arrays["ref"])
    monkeypatch.setitem(BACKBONES, "alex", replace(BACKBONES["alex"], pixels_per_batch=1))
    found = get_metric("alexnet_consistency").values(arrays["ref"])
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_blend_smoothness_in_plain_numbers(arrays):
    video = arrays["ref"].astype(int)
    # VBench truncates the blend to whole numbers.
    blend = ((video[0] + video[2]) / 2).astype(np.uint8).astype(int)
    expected = (255 - np.abs(blend - video[1]).mean()) / 255
    # The last of an even number of frames is not looked at.
    found = get_metric("blend_smoothness").values(arrays["ref"])
    assert found == pytest.approx([expected], abs=2e-3)
    np.testing.assert_array_equal(found, get_metric("blend_smoothness").values(arrays["ref"][:3]))
    with pytest.raises(MetricUnavailable, match="at least 3 frames, got 2"):
        get_metric("blend_smoothness").values(arrays["ref"][:2])
