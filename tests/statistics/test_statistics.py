"""Intervals against scipy's, by simulation, and by the laws that they must obey."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pab_bench.statistics import compare, samples_by_metric, summarise
from pab_bench.statistics.bootstrap import mean, mean_interval, median, median_interval
from pab_bench.statistics.samples import padded, units_of

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)
QUICK = {"resamples": 199}


def one_seed(values):
    return {(f"prompt {number}", 0): float(value) for number, value in enumerate(values)}


@pytest.mark.parametrize("size", [8, 30])
@pytest.mark.parametrize(
    ("ours", "theirs", "method"),
    [(mean_interval, np.mean, "BCa"), (median_interval, np.median, "percentile")],
)
def test_intervals_of_scipy(size, ours, theirs, method):
    # A skewed sample: here bias and acceleration matter.
    values = np.random.default_rng(3).exponential(size=size)
    draws = {"n_resamples": 9999, "rng": 1, "method": method}
    expected = stats.bootstrap((values,), theirs, **draws).confidence_interval
    found = ours(values[:, np.newaxis])
    assert found.method == f"{method} bootstrap"
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.05 * width)
    assert found.high == pytest.approx(expected.high, abs=0.05 * width)


def test_intervals_hold_the_mean_about_as_often_as_they_say():
    generator = np.random.default_rng(0)
    found = [mean_interval(generator.normal(size=(30, 1)), resamples=399) for _ in range(300)]
    share = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.9 < share < 0.98


def test_same_numbers_give_the_same_interval():
    values = one_seed(np.random.default_rng(1).normal(size=12))
    assert summarise(values) == summarise(values)
    assert summarise(values).mean_interval != summarise(values, seed=1).mean_interval


@settings(deadline=None, max_examples=25)
@given(VALUES, st.floats(0.1, 10), st.floats(-100, 100))
def test_scale_and_shift_move_the_interval_along(values, scale, shift):
    first = summarise(one_seed(values), **QUICK)
    second = summarise(one_seed([scale * v + shift for v in values]), **QUICK)
    assert first.mean == pytest.approx(np.mean(values))
    assert first.median == pytest.approx(np.median(values))
    for name in ("mean_interval", "median_interval"):
        one, other = getattr(first, name), getattr(second, name)
        assert min(values) - 1e-9 <= one.low <= one.high <= max(values) + 1e-9
        tolerance = 1e-6 * (1 + abs(shift) + scale * max(map(abs, values)))
        assert other.low == pytest.approx(scale * one.low + shift, abs=tolerance)
        assert other.high == pytest.approx(scale * one.high + shift, abs=tolerance)


def test_seeds_of_one_prompt_are_not_so_many_prompts():
    values = np.random.default_rng(2).normal(size=12)
    single = summarise(one_seed(values))
    copies = {(prompt, seed): v for seed in range(5) for (prompt, _), v in one_seed(values).items()}
    copied = summarise(copies)
    assert (copied.count, copied.prompts) == (60, 12)
    assert copied.mean == pytest.approx(single.mean)
    assert copied.mean_interval.low == pytest.approx(single.mean_interval.low)
    assert copied.mean_interval.high == pytest.approx(single.mean_interval.high)


def test_videos_weigh_the_same_whatever_their_prompt():
    samples = {("a", 0): 0.0, ("a", 1): 0.0, ("a", 2): 0.0, ("b", 0): 1.0}
    summary = summarise(samples)
    assert (summary.mean, summary.median) == (0.25, 0.0)
    assert (summary.mean_interval.low, summary.mean_interval.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        ({}, "no videos"),
        ({("a", 0): 1.0}, "no interval: 1 video"),
        (one_seed([1, 2, 3]), "only 3 prompts: the interval is too narrow"),
        (
            {("a", seed): float(seed) for seed in range(4)},
            "only 4 seeds: the interval is too narrow; "
            "one prompt: the interval speaks of its seeds alone",
        ),
        (one_seed(range(10)), ""),
    ],
)
def test_too_few_samples_are_said(samples, note):
    summary = summarise(samples, **QUICK)
    assert summary.note == note
    assert (summary.mean_interval is None) == (len(samples) < 2)
    assert (summary.mean is None) == (not samples)


def test_equal_values_have_an_interval_without_width():
    summary = summarise(one_seed([100.0] * 12))
    assert (summary.mean_interval.low, summary.mean_interval.high) == (100.0, 100.0)


def test_values_must_be_finite():
    with pytest.raises(ValueError, match=r"finite values, got nan for \('prompt 1', 0\)"):
        summarise(one_seed([1.0, float("nan")]))
    for function in (mean_interval, median_interval):
        with pytest.raises(ValueError, match="at least two units"):
            function(np.ones((1, 3)))


@settings(deadline=None)
@given(VALUES, st.integers(0, 100))
def test_a_difference_turned_round_is_its_negative(values, seed):
    other = np.random.default_rng(seed).normal(size=len(values))
    there = compare(one_seed(values), one_seed(other), **QUICK)
    back = compare(one_seed(other), one_seed(values), **QUICK)
    assert there.design == "paired"
    assert there.mean == pytest.approx(-back.mean)
    assert there.share_greater == pytest.approx(1 - back.share_greater)
    if there.effect_size is not None:
        assert there.effect_size == pytest.approx(-back.effect_size)


def test_pairing_takes_out_how_hard_the_prompts_are():
    generator = np.random.default_rng(5)
    difficulty = generator.normal(scale=10, size=20)
    first = one_seed(difficulty + 1 + generator.normal(scale=0.5, size=20))
    second = one_seed(difficulty + generator.normal(scale=0.5, size=20))
    paired = compare(first, second)
    values = [a - b for a, b in zip(first.values(), second.values(), strict=True)]
    assert paired.is_clear
    assert paired.count == 20
    assert paired.effect_size == pytest.approx(np.mean(values) / np.std(values, ddof=1))
    renamed = {(f"another {prompt}", seed): v for (prompt, seed), v in second.items()}
    unpaired = compare(first, renamed)
    assert unpaired.design == "unpaired"
    assert unpaired.mean == pytest.approx(paired.mean)
    assert not unpaired.is_clear
    assert unpaired.share_greater is None
    assert "no shared prompts and seeds" in unpaired.note
    pooled = np.sqrt((np.var(list(first.values()), ddof=1) + np.var(difficulty, ddof=1)) / 2)
    assert unpaired.effect_size == pytest.approx(unpaired.mean / pooled, rel=0.1)


def test_videos_without_a_partner_are_left_out_and_counted():
    first, second = one_seed([3, 4, 5]), one_seed([1, 2])
    found = compare(first, second)
    assert (found.count, found.mean) == (2, 2.0)
    assert "1 videos without a partner left out" in found.note
    assert found.effect_size is None  # Both differences are 2.


@pytest.mark.parametrize("second", [{}, {("x", 0): 1.0}])
def test_a_difference_of_nothing(second):
    found = compare(one_seed([1.0]), second)
    assert found.interval is None
    assert found.effect_size is None
    assert not found.is_clear
    assert found.note


def test_samples_from_a_table():
    rows = pd.DataFrame(
        [("a", 0, "psnr", 1.0), ("a", 1, "psnr", None), ("a", 0, "ssim", 0.5)],
        columns=["prompt", "seed", "metric", "value"],
    )
    assert samples_by_metric(rows) == {"psnr": {("a", 0): 1.0}, "ssim": {("a", 0): 0.5}}
    with pytest.raises(ValueError, match="'a', seed 0 has two values"):
        samples_by_metric(pd.concat([rows, rows]))


def test_rows_of_different_lengths():
    units = padded([[1.0, 2.0], [6.0]])
    assert mean(units[np.newaxis]) == [3.0]
    assert median(units[np.newaxis]) == [2.0]


def test_prompts_that_are_the_same_video_are_drawn_as_one():
    same = {"c": "a", "d": "a"}
    values = {("a", 0): 1.0, ("b", 0): 3.0, ("c", 0): 1.0, ("d", 0): 1.0}
    units, kind = units_of(values, same)
    assert (len(units), kind) == (2, "prompt")
    assert len(units_of(values)[0]) == 4
    # One video only: there is nothing to draw, whatever its prompts are.
    once = {key: value for key, value in values.items() if key[0] != "b"}
    assert len(units_of(once, same)[0]) == 1
    found = summarise(once, same=same)
    assert (found.count, found.mean, found.mean_interval) == (3, 1.0, None)
    # One prompt's seeds are drawn each with all its copies.
    seeds = {(prompt, seed): float(seed) for prompt in "ac" for seed in (0, 1, 2)}
    assert units_of(seeds, same)[0].tolist() == [[0, 0], [1, 1], [2, 2]]


def test_differences_of_the_same_video_count_once():
    same = {"c": "a", "d": "a"}
    first = {("a", 0): 2.0, ("b", 0): 1.0, ("c", 0): 2.0, ("d", 0): 2.0}
    second = dict.fromkeys(first, 0.0) | {("b", 0): 2.0}
    found = compare(first, second, same=same)
    assert "only 2 prompts" in found.note
    assert found.share_greater == 0.5
    assert compare(first, second).share_greater == 0.75
    # Where the first of them has no partner, one of the others stands for it.
    del second["a", 0]
    assert compare(first, second, same=same).share_greater == 0.5
