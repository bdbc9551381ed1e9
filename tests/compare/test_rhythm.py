import pytest

from pab_bench.compare.rhythm import find_rhythm

GIF, VIDEO = 0.01, 0.001


@pytest.mark.parametrize(
    ("milliseconds", "tolerance", "interval", "repeats"),
    [
        ([125] * 3, VIDEO, 0.125, (1, 1, 1)),
        ([125] * 3, 0.126, 0.125, (1, 1, 1)),  # AVI counts in frames.
        ([33, 34, 33, 33, 34], VIDEO, 0.0334, (1,) * 5),
        ([120, 500, 120], GIF, 0.125, (1, 4, 1)),
        ([30, 40, 30, 30, 70], GIF, 0.0333, (1, 1, 1, 1, 2)),
        ([80, 120, 80], GIF, 0.04, (2, 3, 2)),
        ([250, 370, 250], GIF, 0.125, (2, 3, 2)),
        ([100, 2000], GIF, 0.1, (1, 20)),
        ([2000, 1000], VIDEO, 1.0, (2, 1)),
    ],
)
def test_multiples_of_one_interval(milliseconds, tolerance, interval, repeats):
    found = find_rhythm([value / 1000 for value in milliseconds], tolerance)
    assert found.repeats == repeats
    assert found.interval == pytest.approx(interval, abs=0.002)
    assert found.constant == (set(repeats) == {1})


@pytest.mark.parametrize(
    "milliseconds", [[], [0, 100], [100, float("nan")], [33, 50, 71], [100, 137, 219], [10, 60000]]
)
def test_no_interval(milliseconds):
    assert find_rhythm([value / 1000 for value in milliseconds], VIDEO) is None
