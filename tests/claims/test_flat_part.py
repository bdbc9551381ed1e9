"""Which curves have a flat part, and where."""

import numpy as np
import pandas as pd
import pytest

from pab_bench.claims.flat_part import NotFlat, flat_window


def curves_of(values, kind="spatial", prompt=0, seed=0):
    """Curves of two blocks around the given values, at steps 1, 2, ... down from 950."""
    rows = [
        {
            "prompt": prompt, "seed": seed, "step": step, "timestep": 1000 - 50 * step,
            "kind": kind, "branch": "spatial", "block": block, "lane": 0, "tensor": "ungated",
            "mse": value * (0.8, 1.2)[block], "relative_l1": 0.1, "cosine": 0.9, "energy": 1.0,
        }
        for step, value in enumerate(values, start=1)
        for block in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


U_SHAPE = [9, 8, 7, 1, 1.1, 0.9, 1, 1.05, 1, 0.95, 6, 7, 8]


def test_the_valley_of_a_u():
    own = flat_window(curves_of(U_SHAPE), "spatial", 0, 0)
    assert own.steps == (4, 10)
    assert own.window == (499, 801)
    about = own.to_json()
    assert about["window"] == [499, 801]
    assert about["change_points"] == [4, 11]
    assert about["left_ratio"] == pytest.approx(8, rel=0.05)
    assert about["right_ratio"] == pytest.approx(7, rel=0.05)
    assert "longest level" in about["rule"]


def test_only_one_kind_and_one_video_counts():
    others = [curves_of(np.ones(13) * 3, "cross"), curves_of(U_SHAPE[::-1], prompt=1)]
    table = pd.concat([*others, curves_of(U_SHAPE), curves_of(np.arange(1, 14), seed=1)])
    assert flat_window(table, "spatial", 0, 0).steps == (4, 10)
    assert flat_window(table, "spatial", 1, 0).steps == (4, 10)


def test_one_arm_is_enough_for_most_of_the_curve():
    own = flat_window(curves_of([1, 1.1, 0.9, 1, 1.05, 1, 0.95, 1, 6, 7, 8]), "spatial", 0, 0)
    assert own.steps == (1, 8)
    assert own.to_json()["left_ratio"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([2.0] * 12, r"from 2 to 2 over 12 steps, has no change point"),
        ([1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 1, 1], r"is 9 in steps 4 to 10 and no valley: 1 before"),
        (
            [9, 9, 9, 3, 3, 3, 3, 3, 3, 1, 1, 1],
            r"steps 4 to 9 and no valley: 1 after it, where 1\.25",
        ),
        ([1, 1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9], r"one side only, and 5 of 12 steps"),
        ([1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], r"not positive at 1 of 12 steps"),
        ([9, 1, 1, 1, 1, 9, 9, 9], r"a curve over 9 steps is too short, at least 10"),
    ],
)
def test_no_valley_is_told_with_its_figures(values, message):
    with pytest.raises(NotFlat, match=message):
        flat_window(curves_of(values), "spatial", 0, 0)


def test_a_kind_without_curves():
    with pytest.raises(NotFlat, match="no attention differences of temporal"):
        flat_window(curves_of(U_SHAPE), "temporal", 0, 0)
