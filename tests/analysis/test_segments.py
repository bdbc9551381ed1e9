from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import synthetic

from analysis.segments import segment_means, segment_of


def curve(values: list[float], energy: float = 2.0) -> pd.DataFrame:
    steps = range(1, len(values) + 1)
    frame = pd.DataFrame({"step": steps, "mse": values, "relative_l1": values})
    return frame.assign(kind="spatial", tensor="ungated", block=0, energy=energy)


@pytest.mark.parametrize(("calls", "first", "last"), [(50, 7, 42), (30, 4, 25), (21, 3, 17)])
def test_borders(calls: int, first: int, last: int) -> None:
    names = [segment_of(step, calls) for step in range(calls)]
    expected = ["first"] * (first + 1) + ["middle"] * (last - first - 1)
    assert names == expected + ["last"] * (calls - last)


def test_means_of_a_u() -> None:
    values = [8.0] * 3 + [1.0] * 13 + [4.0] * 4  # Steps 1..20 of 21.
    means = segment_means(curve(values), 21).set_index("measure")
    assert list(means.loc["mse", ["first", "middle", "last"]]) == [8.0, 1.0, 4.0]
    assert list(means.loc["mse_over_energy", ["first", "middle", "last"]]) == [4.0, 0.5, 2.0]
    assert means.loc["mse", "first_over_middle"] == 8.0


def test_blocks_weigh_the_same() -> None:
    two = pd.concat([curve([1.0] * 20), curve([3.0] * 20).assign(block=1)])
    assert segment_means(two, 21)["first"].to_numpy()[0] == 2.0


def test_no_energy_is_missing_not_infinite() -> None:
    means = segment_means(curve([1.0] * 20, energy=0.0), 21).set_index("measure")
    assert means.loc["mse", "middle"] == 1.0
    assert "mse_over_energy" not in means.index or np.isnan(means.loc["mse_over_energy", "middle"])


def test_synthetic_curves_are_a_u_of_ten() -> None:
    means = segment_means(synthetic.curves(), synthetic.STEPS)
    assert list(means["kind"].unique()) == ["spatial", "temporal", "cross", "mlp"]
    np.testing.assert_allclose(means["first_over_middle"], 10, rtol=0.1)
    np.testing.assert_allclose(means["last_over_middle"], 10, rtol=0.1)
