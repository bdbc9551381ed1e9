"""What a method reaches between its settings, where the right answer is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.statistics.agreement import rank_correlation
from pab_bench.statistics.fronts import Front, one_draw

gains = st.lists(st.floats(1.0, 8.0), min_size=2, max_size=6, unique=True)


def test_between_two_settings_quality_is_linear_over_the_logarithm():
    front = one_draw([1.0, 4.0], [40.0, 20.0])
    assert front.quality_at(2.0)[0] == pytest.approx(30.0)
    assert front.quality_at(math.sqrt(2))[0] == pytest.approx(35.0)
    assert front.gain_at(25.0)[0] == pytest.approx(4**0.75)


def test_nothing_is_said_beyond_the_settings():
    front = one_draw([1.5, 3.0], [40.0, 20.0])
    assert np.isnan(front.quality_at(1.4999)[0])
    assert np.isnan(front.quality_at(3.0001)[0])
    assert np.isnan(front.gain_at(40.1)[0])
    assert np.isnan(front.gain_at(19.9)[0])
    assert front.quality_at(3.0)[0] == 20.0
    assert front.gain_at(40.0)[0] == pytest.approx(1.5)


def test_a_beaten_setting_is_passed_over():
    # The one in the middle is slower and worse than the last, the first as well.
    front = one_draw([1.5, 2.0, 3.0], [25.0, 10.0, 30.0])
    assert front.on_it()[:, 0].tolist() == [False, False, True]
    assert front.quality_at(1.5)[0] == front.quality_at(2.5)[0] == 30.0
    with_it = one_draw([1.0, 2.0, 4.0], [40.0, 10.0, 20.0])
    assert with_it.quality_at(2.0)[0] == pytest.approx(30.0)


def test_of_equal_settings_one_is_on_the_front():
    front = one_draw([2.0, 2.0, 3.0], [30.0, 30.0, 20.0])
    assert front.on_it()[:, 0].tolist() == [True, False, True]
    assert front.quality_at(2.0)[0] == 30.0


def test_every_draw_has_its_own_front():
    front = Front(np.array([1.0, 2.0, 4.0]), np.array([[40.0, 20.0], [10.0, 30.0], [20.0, 10.0]]))
    assert front.on_it().T.tolist() == [[True, False, True], [False, True, True]]
    assert front.quality_at(2.0) == pytest.approx([30.0, 30.0])
    assert front.quality_at(1.0) == pytest.approx([40.0, 30.0])
    found = front.gain_at(35.0)
    assert found[0] == pytest.approx(4**0.25)
    assert np.isnan(found[1])


def test_bounds_of_a_gain_say_on_which_side_it_is_not_known():
    front = Front(np.array([1.5, 2.0, 3.0]), np.array([[40.0, 30, 30], [35, 32, 33], [30, 20, 10]]))
    low, high = front.gain_bounds(34.0)
    assert low.tolist() == [pytest.approx(2 * 1.5**0.2), 0.0, 0.0]
    assert high.tolist() == [pytest.approx(2 * 1.5**0.2), 2.0, 2.0]
    low, high = front.gain_bounds(15.0)
    assert low.tolist() == [3.0, 3.0, pytest.approx(2 * 1.5 ** (18 / 23))]
    assert high.tolist() == [3.0, 3.0, pytest.approx(2 * 1.5 ** (18 / 23))]


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    noise = np.random.default_rng(0).integers(0, 5, (2, 20, 6)).astype(float)
    found = rank_correlation(*noise)
    expected = [spearmanr(one, other).statistic for one, other in zip(*noise, strict=True)]
    assert found == pytest.approx(expected)
    assert np.isnan(rank_correlation(np.ones((1, 3)), noise[0, :1, :3])[0])


def test_what_is_no_front():
    with pytest.raises(ValueError, match="at least one"):
        one_draw([], [])
    with pytest.raises(ValueError, match="gains above 0"):
        one_draw([0.0, 1.0], [1.0, 2.0])


@settings(max_examples=40)
@given(gains, st.data())
def test_gain_and_quality_are_the_inverse_of_each_other(own, data):
    quality = data.draw(st.lists(st.integers(0, 40), min_size=len(own), max_size=len(own)))
    front = one_draw(own, [float(value) for value in quality])
    on_it = front.on_it()[:, 0]
    joined = sorted(zip(np.array(own)[on_it], np.array(quality)[on_it], strict=True))
    assert all(later[1] < earlier[1] for earlier, later in pairwise(joined))
    lowest, highest = joined[0][0], joined[-1][0]
    gain = data.draw(st.floats(lowest, highest))
    at = float(front.quality_at(gain)[0])
    assert min(quality) <= at <= max(quality)
    assert float(front.gain_at(at)[0]) == pytest.approx(gain, rel=1e-6, abs=1e-6)


@settings(max_examples=40)
@given(gains, st.data(), st.randoms(use_true_random=False))
def test_the_order_of_settings_does_not_matter(own, data, random):
    quality = data.draw(st.lists(st.integers(0, 40), min_size=len(own), max_size=len(own)))
    pairs = list(zip(own, map(float, quality), strict=True))
    shuffled = random.sample(pairs, len(pairs))
    gain = data.draw(st.floats(min(own), max(own)))
    one, other = (one_draw(*map(list, zip(*p, strict=True))) for p in (pairs, shuffled))
    assert one.quality_at(gain)[0] == pytest.approx(other.quality_at(gain)[0])
