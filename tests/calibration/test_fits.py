"""Fits against numpy by hand, and what is said of how good they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.calibration.goodness import r_squared
from pab_bench.calibration.measuring import Changes
from pab_bench.calibration.polynomial import (
    CannotFit,
    Points,
    evaluated,
    fit_polynomial,
    points_of,
    polynomial_fit,
    shape_of,
)
from pab_bench.calibration.ratios import decided, decisions_apart, ratios_fit

TRUE = (-40.0, 30.0, -3.0, 0.5, 0.02)


def changes(prompt, inputs, outputs, lane=0, ratios=None):
    none = (None,)
    return Changes(
        prompt,
        0,
        lane,
        none + tuple(inputs),
        none + tuple(outputs),
        none + tuple(2 * own for own in outputs),
        (1.0, *(ratios if ratios is not None else [1.0] * len(inputs))),
    )


def curve(prompt, seed, noise=0.0):
    generator = np.random.Generator(np.random.PCG64(seed))
    inputs = generator.uniform(0.02, 0.4, 40)
    outputs = np.polyval(TRUE, inputs) + noise * generator.standard_normal(40)
    return changes(prompt, inputs.tolist(), outputs.tolist())


def test_a_polynomial_is_found_again():
    fit, quality = polynomial_fit({"a": [curve("a", 0)]}, {}, 4, "transformer")
    assert fit["coefficients"] == pytest.approx(TRUE, rel=1e-6)
    assert quality["fitted"]["r2"] == pytest.approx(1)
    assert quality["held_out"]["r2"] is None
    assert quality["held_out_missing"] == "no prompts are held out (calibrate.hold_out=0)"
    assert quality["left_out"] == []
    assert quality["left_out_missing"] == "one prompt alone was fitted"


def test_the_fit_is_that_of_least_squares():
    own = curve("a", 1, 0.05)
    points = points_of([own], "transformer")
    powers = np.vander(points.inputs, 5)  # Highest power first.
    by_hand = np.linalg.lstsq(powers, points.outputs, rcond=None)[0]
    assert fit_polynomial(points, 4) == pytest.approx(by_hand.tolist(), rel=1e-6)


def test_how_good_it_is_follows_from_the_definitions():
    fitted = {name: [curve(name, i, 0.02)] for i, name in enumerate("abc")}
    held_out = {"d": [curve("d", 9, 0.02)]}
    fit, quality = polynomial_fit(fitted, held_out, 4, "transformer")
    inputs, outputs = (np.array(getattr(held_out["d"][0], n)[1:]) for n in ("inputs", "outputs"))
    errors = outputs - np.polyval(fit["coefficients"], inputs)
    assert quality["held_out"]["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert quality["held_out"]["largest"] == pytest.approx(np.abs(errors).max())
    r2 = 1 - (errors**2).sum() / ((outputs - outputs.mean()) ** 2).sum()
    assert quality["held_out"]["r2"] == pytest.approx(r2)
    low, high = fit["range"]
    assert quality["held_out_outside"] == ((inputs < low) | (inputs > high)).sum()
    others = points_of([*fitted["b"], *fitted["c"]], "transformer")
    left_out = np.polyfit(others.inputs, others.outputs, 4)
    own = points_of(fitted["a"], "transformer")
    error = own.outputs - np.polyval(left_out, own.inputs)
    assert quality["left_out"][0] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)


def test_the_stream_may_be_fitted():
    own = curve("a", 0)
    (one, *_), _ = (points_of([own], what).outputs for what in ("transformer", "stream"))
    assert points_of([own], "stream").outputs[0] == pytest.approx(2 * one)


def test_too_few_points_are_refused():
    points = Points(np.array([0.1, 0.1, 0.2]), np.array([1.0, 1.0, 2.0]))
    with pytest.raises(CannotFit, match="needs at least 5 calls with different changes of the "):
        fit_polynomial(points, 4)


def test_the_shape_of_a_parabola():
    shape = shape_of((1.0, -1.0, 0.0), 0.0, 2.0)  # x² - x turns at 0.5.
    assert shape["turns"] == pytest.approx([0.5])
    assert shape["decreasing_share"] == pytest.approx(0.25)
    assert (shape["increasing"], shape["least"], shape["most"]) == (False, -0.25, 2.0)


def test_an_inflection_is_no_turn():
    shape = shape_of((1.0, 0.0, 0.0, 0.0), -1.0, 1.0)  # x³.
    assert shape["increasing"]
    assert shape["turns"] == []
    assert shape_of((0.0, 3.0), 0.0, 1.0)["increasing"]  # A constant.


@settings(max_examples=100)
@given(
    st.lists(st.floats(-10, 10), min_size=2, max_size=6),
    st.floats(-1, 1),
    st.floats(0.01, 2),
)
def test_the_shape_is_what_a_grid_shows(coefficients, low, width):
    grid = np.linspace(low, low + width, 400)
    values = evaluated(coefficients, grid)
    shape = shape_of(coefficients, low, low + width)
    assert shape["least"] <= values.min() + 1e-6
    assert shape["most"] >= values.max() - 1e-6
    if shape["increasing"]:
        assert np.diff(values).min() >= -1e-6


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_the_mean_explains_nothing(values):
    own = np.array(values)
    if np.ptp(own) > 1e-3:
        assert r_squared(own, np.full_like(own, own.mean())) == pytest.approx(0, abs=1e-6)
        assert r_squared(own, own) == 1
    assert r_squared(np.array([1.0, 1.0]), np.array([0.0, 1.0])) is None


def of_ratios(prompt, ratios, lane=0):
    return changes(prompt, [], [], lane, ratios)


def test_ratios_are_means_over_videos_of_every_lane():
    fitted = {
        "a": [of_ratios("a", [1.1, 0.9]), of_ratios("a", [1.0, 1.0], 1)],
        "b": [of_ratios("b", [1.3, 0.7]), of_ratios("b", [1.0, 0.8], 1)],
    }
    held_out = {"c": [of_ratios("c", [1.2, 0.9]), of_ratios("c", [1.0, 0.9], 1)]}
    fit, quality = ratios_fit(fitted, held_out, 2)
    assert np.allclose(fit["ratios"], [[1, 1.2, 0.8], [1, 1.0, 0.9]])
    spread = np.std([[1.1, 0.9], [1.3, 0.7]], axis=0, ddof=1)
    assert quality["spread"][0] == pytest.approx([0, *spread])
    assert quality["largest_spread"] == pytest.approx(spread.max())
    assert quality["lanes_apart"] == pytest.approx(0.2)
    # Of the held-out video one ratio of four is 0.1 off; the first call counts nowhere.
    assert quality["held_out"]["points"] == 4
    assert quality["held_out"]["rmse"] == pytest.approx(0.05)
    assert quality["left_out"] == pytest.approx([np.sqrt(3 * 0.04 / 4)] * 2)


def test_one_video_has_no_spread():
    _, quality = ratios_fit({"a": [of_ratios("a", [1.1, 0.9])]}, {}, 1)
    assert quality["spread"] == [None]
    assert quality["largest_spread"] is None
    assert quality["lanes_apart"] is None
    assert quality["held_out"] == {"r2": None, "rmse": None, "largest": None, "points": 0}


def test_decisions_are_those_of_the_method():
    same = [1.0] * 10
    assert decisions_apart(same, same) == 0
    assert decided(same) == (True, True, *[False] * 3, True, *[False] * 3, True)
    # Retention keeps calls 0 and 1; with 1.0 three of four are left out, with 2.0 none.
    assert decisions_apart(same, [2.0] * 10) == pytest.approx(6 / 10)
