"""What paired metrics cannot see: flickering errors, motion, colour, sharpness."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_strategy
from skimage.color import rgb2lab

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import InvalidVideo, Psnr, get_metric
from pab_bench.metrics.colour_shift import mean_lab
from pab_bench.metrics.sharpness_ratio import LUMA, laplacian_energy

PAIRED = ("difference_flickering", "motion_ratio", "colour_shift", "sharpness_ratio")
VIDEO = array_strategy(np.uint8, st.tuples(st.just(3), st.just(5), st.just(4), st.just(3)))


def value(name, video, reference):
    return get_metric(name).values(video, reference).mean()


@pytest.mark.parametrize("name", PAIRED)
def test_a_video_equal_to_its_baseline(name, arrays):
    ideal = get_metric(name).ideal or 0
    assert value(name, arrays["ref"], arrays["ref"]) == ideal


def test_an_error_that_flickers_is_told_from_one_that_stands_still(arrays):
    reference = np.clip(arrays["ref"], 0, 225)
    steady, flickering = reference + np.uint8(30), reference.copy()
    flickering[::2] += np.uint8(30)
    flickering[1::2] -= np.minimum(flickering[1::2], 30)
    # To PSNR they are nearly the same.
    assert Psnr().values(flickering, reference).mean() == pytest.approx(
        Psnr().values(steady, reference).mean(), abs=0.5
    )
    assert value("difference_flickering", steady, reference) == 0
    assert value("difference_flickering", flickering, reference) > 0.2


@given(VIDEO, VIDEO)
def test_difference_flickering_in_plain_numbers(video, reference):
    difference = video.astype(int) - reference
    expected = np.abs(np.diff(difference, axis=0)).mean(axis=(1, 2, 3)) / 255
    found = get_metric("difference_flickering").values(video, reference)
    np.testing.assert_allclose(found, expected)
    assert ((found >= 0) & (found <= 2)).all()


def test_extremes_of_difference_flickering_do_not_wrap():
    black, white = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 255, np.uint8)
    video, reference = np.concatenate([black, white]), np.concatenate([white, black])
    assert value("difference_flickering", video, reference) == 2


def test_motion_in_plain_numbers(arrays):
    calm = np.repeat(arrays["ref"][:1], 4, axis=0)
    calm[2:] = arrays["ref"][2]
    steps = [np.abs(np.diff(v.astype(int), axis=0)).mean() for v in (calm, arrays["ref"])]
    assert value("motion_ratio", calm, arrays["ref"]) == pytest.approx(steps[0] / steps[1])
    assert value("motion_ratio", arrays["blur"], arrays["ref"]) < 1
    assert value("motion_ratio", arrays["noise"], arrays["ref"]) > 1


def test_mean_colour_of_scikit_image(arrays):
    for frame in (arrays["ref"][0], arrays["noise"][1], np.zeros((4, 4, 3), np.uint8)):
        expected = rgb2lab(frame).mean(axis=(0, 1))
        np.testing.assert_allclose(mean_lab(frame), expected, atol=2e-4)


def test_colour_shift_sees_colour_and_not_noise(arrays):
    warm = arrays["ref"].copy()
    warm[..., 0] = np.clip(warm[..., 0] * 1.2, 0, 255)
    assert value("colour_shift", warm, arrays["ref"]) > 3
    assert value("colour_shift", arrays["noise"], arrays["ref"]) < 1
    white, black = (np.full((1, 4, 4, 3), level, np.uint8) for level in (255, 0))
    assert value("colour_shift", white, black) == pytest.approx(100, abs=0.02)


def test_sharpness_of_opencv(arrays):
    frame = arrays["ref"][0]
    expected = cv2.Laplacian(frame @ LUMA, cv2.CV_64F)[1:-1, 1:-1]
    assert laplacian_energy(frame) == pytest.approx(np.mean(expected**2))


def test_sharpness_sees_blur_and_noise(arrays):
    assert value("sharpness_ratio", arrays["blur"], arrays["ref"]) < 0.8
    assert value("sharpness_ratio", arrays["noise"], arrays["ref"]) > 1.2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("motion_ratio", "nothing changes in the baseline"),
        ("sharpness_ratio", "the baseline has no detail"),
        ("dis_motion_ratio", "nothing moves in the baseline"),
    ],
)
def test_no_ratio_to_nothing(name, message):
    flat = np.full((3, 32, 32, 3), 77, np.uint8)
    moving = np.random.default_rng(0).integers(0, 256, flat.shape, dtype=np.uint8)
    with pytest.raises(MetricUnavailable, match=message):
        get_metric(name).values(moving, flat)


@pytest.mark.parametrize("name", ["difference_flickering", "motion_ratio", "dis_motion_ratio"])
def test_one_frame_does_not_move(name):
    still = np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(MetricUnavailable, match=f"{name}: expected at least 2 frames, got 1"):
        get_metric(name).values(still, still)


@pytest.mark.parametrize("name", PAIRED)
def test_refused_input(name):
    video = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(InvalidVideo, match="same shape"):
        get_metric(name).values(video, video[:, :4])
    with pytest.raises(InvalidVideo, match="got None"):
        get_metric(name).values(video)
