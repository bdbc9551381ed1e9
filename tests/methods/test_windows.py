"""Windows by share of the steps."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.methods.covered import cover, covered
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.methods.windows import (
    FlatPart,
    NotKnownYet,
    StepShare,
    inside,
    read_window,
    window_json,
)

counts = st.integers(1, 200)
hundredths = st.integers(0, 100)


def of_steps(low, high, steps):
    return [step for step, holds in enumerate(inside(StepShare(low, high), range(steps))) if holds]


@given(st.lists(hundredths, min_size=3, max_size=3, unique=True).map(sorted), counts)
def test_neighbours_share_no_step_and_leave_none_out(cuts, steps):
    low, middle, high = (cut / 100 for cut in cuts)
    assert of_steps(low, middle, steps) + of_steps(middle, high, steps) == of_steps(
        low, high, steps
    )


@given(counts)
def test_the_whole_is_every_step(steps):
    assert of_steps(0, 1, steps) == list(range(steps))


@given(hundredths, hundredths, counts)
def test_decimal_shares_are_exact(first, second, steps):
    """No step is won or lost to rounding: 3 / 10 is .3."""
    low, high = sorted((first, second))
    if low == high:
        high += 1
    if high > 100:
        return
    exactly = [
        step
        for step in range(steps)
        if Fraction(low, 100) <= Fraction(step, steps) < Fraction(high, 100)
    ]
    assert of_steps(float(f"0.{low:02d}"), high / 100, steps) == exactly
    assert abs(len(exactly) - (high - low) / 100 * steps) < 1


@given(st.floats(0, 0.9), st.floats(0.01, 0.1), counts)
def test_it_reads_what_it_writes(low, width, steps):
    own = read_window(f"steps:[{low!r},{low + width!r}]")
    again = read_window(str(own))
    assert math.isclose(again.low, own.low, abs_tol=1e-12)
    assert math.isclose(again.high, own.high, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("steps:[.1,.6]", StepShare(0.1, 0.6)),
        ("steps:[0.10,6e-1]", StepShare(0.1, 0.6)),
        ("steps: [ 0 , 1 ]", StepShare(0, 1)),
        ("auto", FlatPart()),
        ([100, 800], (100, 800)),
    ],
)
def test_what_is_read(text, window):
    assert read_window(text) == window


@pytest.mark.parametrize(
    "text",
    ["steps:[.6,.1]", "steps:[.1,.1]", "steps:[-.1,.5]", "steps:[.1,1.1]", "steps:[.1]", "steps:",
     "steps:[a,b]", "steps:[0,nan]", "steps:[.1,.6,.7]", "automatic", [1], [2, 1], [1, 1]],
)  # fmt: skip
def test_what_cannot_be_meant(text):
    with pytest.raises(ValueError, match="must be"):
        read_window(text)


@pytest.mark.parametrize("ends", [(0.5, 0.5), (-0.1, 1), (0, 1.1), (0, math.nan)])
def test_no_share(ends):
    with pytest.raises(ValueError, match="threshold"):
        StepShare(*ends)


@given(st.integers(2, 6), hundredths, st.integers(1, 60))
def test_a_plan_by_share_is_that_of_the_timesteps_it_comes_to(gap, low, steps):
    share = StepShare(low / 200, (low + 100) / 200)
    times = tuple(1000 - 10 * step for step in range(steps))
    own = cover("spatial", share, times)
    if own.timesteps is None:
        return
    first, last = own.timesteps
    block = (0, 1)
    by_share = make_plan(Rules(spatial=GapRule(True, share, gap, block)), times, 3, [SPATIAL])
    window = (last - 1, first + 1)
    by_time = make_plan(Rules(spatial=GapRule(True, window, gap, block)), times, 3, [SPATIAL])
    assert (by_share.source[SPATIAL] == by_time.source[SPATIAL]).all()


def test_equal_timesteps_are_told_apart():
    """A window of timesteps cannot part them."""
    times = (1000, 1000, 1000, 1000, 500, 0)
    rules = Rules(cross=GapRule(True, StepShare(0, 0.5), 9))
    source = make_plan(rules, times, 1, [CROSS]).source[CROSS][:, 0]
    assert list(source) == [0, 0, 0, 3, 4, 5]


def test_identity_has_it_as_it_was_written():
    rules = Rules(spatial=GapRule(True, StepShare(0.1, 0.6), 2), cross=GapRule(True, (1, 9), 2))
    identity = PyramidAttentionBroadcast(rules).identity(4)["rules"]
    assert identity["spatial"]["threshold"] == "steps:[0.1,0.6]"
    assert identity["cross"]["threshold"] == [1, 9]


def test_what_it_comes_to():
    rules = Rules(
        spatial=GapRule(True, StepShare(0.25, 0.75), 2),
        temporal=GapRule(True, StepShare(0, 1), 1),
        cross=GapRule(True, (0, 100), 2),
    )
    spatial, cross = covered(PyramidAttentionBroadcast(rules), (900, 800, 500, 400))
    assert str(spatial) == "spatial_threshold=steps:[0.25,0.75]: 2 of 4 steps, timesteps 800 to 500"
    assert spatial.to_json() == {
        "threshold": "steps:[0.25,0.75]", "steps": 4, "steps_inside": 2, "timesteps": [800, 500]
    }  # fmt: skip
    assert str(cross) == "cross_threshold=[0,100]: 0 of 4 steps"


def test_what_only_curves_tell_is_not_guessed():
    with pytest.raises(NotKnownYet, match="auto"):
        inside(FlatPart(), (900, 800))
    with pytest.raises(ValueError, match="auto"):
        GapRule(True, FlatPart(), 2).reuses(1, 500, 0)
    assert window_json(FlatPart()) == "auto"
    unused = Rules(spatial=GapRule(True, FlatPart(), 1))
    assert make_plan(unused, (900, 800), 1, [SPATIAL]).is_baseline()
