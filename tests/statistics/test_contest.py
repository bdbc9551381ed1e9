"""Who is best at equal speed and at equal quality, where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.statistics.contest import Contest, Setting
from pab_bench.statistics.ranking import groups, mark, ranks

HARD = np.linspace(-4, 4, 12)
"""How hard prompts are, which is most of the spread between videos."""
NOISE = np.random.default_rng(0).normal(0, 1, (4, 12))
RESAMPLES = 499


def method(values, gains=(1.5, 3.0), hard=HARD):
    """A setting per gain, with these means of quality."""
    return [
        Setting(gain, {(prompt, 0): float(value + hard[prompt]) for prompt in range(len(hard))})
        for gain, value in zip(gains, values, strict=True)
    ]


def contest(methods, higher=True, **more):
    return Contest(methods, higher, resamples=RESAMPLES, **more)


def by_method(standings):
    return {standing.method: standing for standing in standings}


def test_at_equal_speed_the_better_front_is_first():
    found = contest({"low": method((38, 28)), "high": method((40, 30))}).at("speed", 2.0)
    assert [(s.method, s.rank, s.group) for s in found] == [("high", 1, 1), ("low", 2, 2)]
    share = np.log(2.0 / 1.5) / np.log(2)
    assert found[0].value == pytest.approx(40 - 10 * share)
    # All videos differ by two, whichever are drawn: pairing takes their spread out.
    assert found[1].difference == pytest.approx(-2)
    assert found[1].difference_interval.low == pytest.approx(-2)
    assert found[1].interval.high - found[1].interval.low > 1
    assert (found[0].first, found[1].first) == (1.0, 0.0)


def test_at_equal_quality_the_faster_front_is_first():
    methods = {"slow": method((40, 30)), "fast": method((40, 30), (2.0, 4.0))}
    found = contest(methods).at("quality", 35.0)
    assert [(s.method, s.rank) for s in found] == [("fast", 1), ("slow", 2)]
    assert found[0].value == pytest.approx(np.sqrt(8))
    assert found[1].value == pytest.approx(np.sqrt(4.5))
    assert found[0].interval.low < found[0].value < found[0].interval.high


def test_of_a_metric_that_is_better_when_lower():
    methods = {"good": method((0.1, 0.3), hard=HARD / 100), "bad": method((0.2, 0.5))}
    first, second = contest(methods, higher=False).at("speed", 1.5)
    assert (first.method, first.value) == ("good", pytest.approx(0.1))
    assert second.difference == pytest.approx(0.1)
    assert first.interval.low <= first.value <= first.interval.high
    found = contest({"a": method((0.1, 0.3), hard=HARD / 100)}, higher=False).at("quality", 0.2)
    assert found[0].value == pytest.approx(np.sqrt(4.5))


def test_a_level_that_is_not_reached():
    methods = {"a": method((40, 30)), "b": method((41, 33), (2.5, 5.0))}
    found = by_method(contest(methods).at("speed", 2.0))
    assert found["a"].rank == 1
    assert (found["b"].rank, found["b"].value) == (None, None)
    assert found["b"].reason == "not reached: its settings gain 2.5x to 5x"
    found = by_method(contest(methods).at("quality", 32.0))
    assert found["b"].reason == "not reached: its settings have 33 to 41"
    assert [s.rank for s in contest(methods).at("speed", 9.0)] == [None, None]


def test_a_front_whose_end_is_near_the_level_has_shown_its_largest_gain():
    # In many draws all settings are better than 30.1: 3 was shown there, and no more.
    near, far = method((40, 30)), method((40, 20), (1.0, 2.9))
    (found,) = contest({"a": near}).at("quality", 30.1)
    assert found.value == pytest.approx(3.0, rel=0.01)
    assert found.interval.high == 3.0
    assert 1.5 < found.interval.low < 3.0
    # That is enough to tell it from one that is slower in every draw, and not from one like it.
    assert [s.group for s in contest({"a": near, "far": far}).at("quality", 30.1)] == [1, 2]
    faster = method((40, 29), (1.55, 3.1), HARD + NOISE[0])
    assert [s.group for s in contest({"a": near, "b": faster}).at("quality", 30.1)] == [1, 1]


def test_a_single_video_tells_nobody_apart():
    one = {name: [Setting(g, {(0, 0): v - g}) for g in (1.5, 3.0)] for name, v in
           (("a", 40.0), ("b", 20.0))}  # fmt: skip
    own = contest(one)
    assert own.note == "no interval: 1 video"
    assert [(s.method, s.rank, s.group) for s in own.at("speed", 2.0)] == [("a", 1, 1), ("b", 2, 1)]
    assert all(s.interval is None and s.first is None for s in own.at("speed", 2.0))


def test_only_videos_that_all_have_are_compared():
    short = [Setting(s.gain, dict(list(s.samples.items())[:5])) for s in method((40, 30))]
    own = contest({"a": method((39, 29)), "b": short})
    assert len(own.videos) == 5
    assert own.at("speed", 1.5)[1].difference == pytest.approx(-1)
    apart = [Setting(2.0, {("another", 0): 1.0})]
    none = contest({"a": method((39, 29)), "b": apart}).at("speed", 2.0)
    assert [s.reason for s in none] == ["no video that all have"] * 2


def test_prompts_that_are_one_video_are_drawn_as_one():
    own = contest({"a": method((40, 30))}, same=dict.fromkeys(range(1, 12), 0))
    assert own.note == "no interval: 1 video"
    assert own.at("speed", 2.0)[0].interval is None


noisy = st.lists(st.tuples(st.floats(25, 40), st.integers(0, 3)), min_size=2, max_size=4)


def made(means):
    return {
        f"method {number}": method((mean, mean - 9), hard=HARD + NOISE[noise])
        for number, (mean, noise) in enumerate(means)
    }


@settings(max_examples=25, deadline=None)
@given(noisy, st.randoms(use_true_random=False))
def test_names_and_their_order_do_not_matter(means, random):
    methods = made(means)
    new = dict(zip(methods, random.sample(["a", "b", "c", "d"], len(methods)), strict=True))
    turned = {new[name]: own for name, own in reversed(methods.items())}
    for equal, level in (("speed", 2.0), ("quality", 25.0)):
        one = by_method(contest(methods).at(equal, level))
        other = by_method(contest(turned).at(equal, level))
        for name, standing in one.items():
            same = other[new[name]]
            assert (standing.value, standing.rank) == (same.value, same.rank)
            assert standing.interval == same.interval


@settings(max_examples=25, deadline=None)
@given(noisy)
def test_an_equal_method_cannot_be_told_apart_and_a_dominated_one_is_below(means):
    methods = made(means)
    methods["copy"] = methods["method 0"]
    methods["worse"] = [
        Setting(s.gain, {key: value - 0.5 for key, value in s.samples.items()})
        for s in methods["method 0"]
    ]
    found = by_method(contest(methods).at("speed", 2.0))
    original, copy, worse = found["method 0"], found["copy"], found["worse"]
    assert (copy.rank, copy.group, copy.value) == (original.rank, original.group, original.value)
    assert worse.rank > original.rank
    assert worse.value < original.value
    two = {name: methods[name] for name in ("method 0", "worse")}
    assert [s.group for s in contest(two).at("speed", 2.0)] == [1, 2]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), max_size=8))
def test_ranks_count_those_that_are_better(values):
    found = ranks([float(value) for value in values])
    assert [found[values.index(value)] for value in values] == found
    assert sorted(found, reverse=True) == [found[i] for i in np.argsort(values, kind="stable")]


@settings(max_examples=40)
@given(st.lists(st.floats(0, 9), min_size=1, max_size=8), st.floats(0, 3))
def test_groups_are_of_their_leaders(values, margin):
    found = groups(values, lambda one, other: abs(values[one] - values[other]) > margin)
    for number in set(found):
        members = [values[place] for place, own in enumerate(found) if own == number]
        assert max(members) - min(members) <= margin
    leaders = [max(v for v, own in zip(values, found, strict=True) if own == n)
               for n in sorted(set(found))]  # fmt: skip
    assert leaders == sorted(leaders, reverse=True)
    only = groups(values, lambda one, other: abs(values[one] - values[other]) > margin, most=1)
    assert only == [1 if own == 1 else None for own in found]


def test_marks():
    assert [mark(1, False), mark(1, True), mark(4, True)] == ["1", "1=", "4="]
