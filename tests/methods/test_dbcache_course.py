"""What DBCache decides of numbers, against the same rules written down as lists."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.methods.dbcache import DBCache
from pab_bench.methods.dbcache_course import Course, Verdict

CALLS = 12


def digits(method, differences, began=0):
    """One digit a call: 1 where everything computes."""
    course = Course(method.limits)
    told = ""
    for call, difference in enumerate(differences, began):
        verdict = course.verdict(call, call - began)
        left_out = verdict is Verdict.REUSE
        if verdict is Verdict.COMPARE:
            left_out = course.is_near(difference)
        course.ended(left_out)
        told += "01"[not left_out]
    return told


def by_lists(method, differences):
    """The rules in the order in which they are written down, over all that was done so far."""
    left_out, compared = [], []
    for call, difference in enumerate(differences):
        if method.steps_mask is None:
            sure = call in range(0, method.warm_up, method.warm_up_interval)
        else:
            sure = method.steps_mask[call] == 1
        neighbours = 0
        while left_out and call - 1 - neighbours in left_out:
            neighbours += 1
        limits = [
            method.most_cached is not None and len(left_out) >= method.most_cached,
            method.most_in_a_row is not None and neighbours >= method.most_in_a_row,
            method.most_change is not None and sum(compared) >= method.most_change,
        ]
        if sure or call == 0:
            continue
        if method.mask_policy == "static":
            left_out.append(call)
        elif any(limits):
            continue
        elif method.rule == "cache_dit" and method.threshold >= 1:
            left_out.append(call)
        else:
            compared.append(difference)
            near = difference < method.threshold
            if near or (method.rule == "diffusers" and difference == method.threshold):
                left_out.append(call)
    return "".join("10"[call in left_out] for call in range(len(differences)))


@st.composite
def methods(draw):
    limit = st.none() | st.integers(1, 4)
    mask = draw(
        st.none()
        | st.lists(st.sampled_from([0, 1]), min_size=CALLS - 1, max_size=CALLS - 1).map(
            lambda own: (1, *own)
        )
    )
    if mask is not None and 0 not in mask:
        mask = (*mask[:-1], 0)
    return DBCache(
        threshold=draw(st.sampled_from([0.1, 0.5, 1.0, 1.5])),
        warm_up=draw(st.integers(0, 5)),
        warm_up_interval=draw(st.integers(1, 3)),
        most_cached=draw(limit),
        most_in_a_row=draw(limit),
        most_change=draw(st.none() | st.sampled_from([0.2, 1.0])),
        steps_mask=mask,
        mask_policy="dynamic" if mask is None else draw(st.sampled_from(["dynamic", "static"])),
        rule=draw(st.sampled_from(["cache_dit", "diffusers"])),
    )


DIFFERENCES = st.lists(
    st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 0.9, 1.2]), min_size=CALLS, max_size=CALLS
)


@given(methods(), DIFFERENCES)
@settings(max_examples=60)
def test_decisions_are_those_of_the_rules(method, differences):
    told = digits(method, differences)
    assert told == by_lists(method, differences)
    assert told[: method.sure(CALLS)] == "1" * method.sure(CALLS)


@given(methods(), DIFFERENCES)
@settings(max_examples=60)
def test_limits_hold(method, differences):
    told = digits(method, differences)
    if method.mask_policy == "dynamic":
        assert told.count("0") <= (method.most_cached or CALLS)
        assert all(len(run) <= (method.most_in_a_row or CALLS) for run in told.split("1"))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"warm_up": 3}, "111000000000"),
        ({"warm_up": 4, "most_in_a_row": 2}, "111100100100"),
        ({"warm_up": 4, "most_cached": 3}, "111100011111"),
        ({"warm_up": 0}, "100000000000"),
        ({"warm_up": 6, "warm_up_interval": 3}, "100100000000"),
        ({"warm_up": 1, "most_change": 0.15}, "100011111111"),
        ({"steps_mask": (1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1), "warm_up": 9}, "110010001001"),
    ],
)
def test_named_settings(keys, expected):
    # Differences of 0.05 are below the threshold of 0.08.
    assert digits(DBCache(**keys), [0.05] * CALLS) == expected


def test_the_first_call_of_another_transformer_computes_and_warms_up_again():
    assert digits(DBCache(warm_up=2), [0.0] * 5, began=7) == "11000"


def test_what_the_two_libraries_do_at_the_threshold():
    own = {"warm_up": 0, "threshold": 0.25}
    assert digits(DBCache(**own), [0, 0.25, 0.25]) == "111"
    assert digits(DBCache(**own, rule="diffusers"), [0, 0.25, 0.25]) == "100"
    # Nothing is known of a tensor of zeros: cache-dit computes, diffusers does not.
    assert digits(DBCache(**own), [0, math.nan]) == "11"
    assert digits(DBCache(**own, rule="diffusers"), [0, math.nan]) == "10"
    assert digits(DBCache(warm_up=0, threshold=1.0), [0, 9.0]) == "10"
    assert digits(DBCache(warm_up=0, threshold=1.0, rule="diffusers"), [0, 9.0]) == "11"
