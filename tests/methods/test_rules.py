import pytest
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.methods.rules import GapRule, KeyTime

WINDOW = GapRule(skip=True, threshold=(100, 800), gap=3, block=(1, 2))


@pytest.mark.parametrize(
    ("step", "timestep", "block", "reuses"),
    [
        (1, 500, 1, True),
        (2, 500, 2, True),
        (3, 500, 1, False),  # every gap-th step computes
        (0, 500, 1, False),  # the first step always computes
        (1, 100, 1, False),  # exclusive at the low end
        (1, 101, 1, True),
        (1, 800, 1, False),  # exclusive at the high end
        (1, 799, 1, True),
        (1, 500, 0, False),  # before the block range
        (1, 500, 3, False),  # behind it
    ],
)
def test_truth_table(step, timestep, block, reuses):
    assert WINDOW.reuses(step, timestep, block) is reuses


def test_switched_off_never_reuses():
    assert not GapRule(skip=False, threshold=(100, 800), gap=3).reuses(1, 500, 0)


@given(st.integers(0, 200), st.integers(0, 1000), st.integers(0, 60))
def test_gap_one_never_reuses(step, timestep, block):
    assert not GapRule(skip=True, threshold=(0, 1000), gap=1).reuses(step, timestep, block)


@given(st.integers(0, 200), st.integers(0, 1000), st.integers(0, 60), st.integers(2, 9))
def test_a_narrower_window_or_block_range_never_reuses_more(step, timestep, block, gap):
    wide = GapRule(skip=True, threshold=(50, 950), gap=gap)
    narrow = GapRule(skip=True, threshold=(300, 700), gap=gap, block=(3, 9))
    assert wide.reuses(step, timestep, block) or not narrow.reuses(step, timestep, block)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gap": 0}, "gap: must be at least 1, got 0"),
        ({"threshold": (800, 100)}, r"threshold: low must be below high, got \[800, 100\]"),
        ({"threshold": (100, 100)}, "threshold"),
        ({"block": (5, 2)}, "block"),
        ({"block": (-1, 2)}, "block"),
    ],
)
def test_impossible_rules_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GapRule(skip=True, **arguments)


def test_impossible_keys_are_refused():
    with pytest.raises(ValueError, match="reuse_steps"):
        KeyTime(700, -1, frozenset({0}))
    with pytest.raises(ValueError, match="blocks"):
        KeyTime(700, 1, frozenset({-1}))
