"""Curves of several lanes count as their mean, and those from before there were lanes as one."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
import synthetic

from analysis.figures.attention_difference import per_video, tensor_rows
from analysis.lanes import over_lanes
from analysis.segments import segment_means
from pab_bench.claims.definition import DEFINITIONS, differences
from pab_bench.claims.dominance import dominance

CONSUMERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "segments": lambda curves: segment_means(curves, synthetic.STEPS),
    "rows": lambda curves: tensor_rows(curves, "gated"),
    "per video": lambda curves: per_video(tensor_rows(curves, "ungated"), "mse_over_energy"),
    **{
        definition.name: lambda curves, definition=definition: differences(curves, definition)
        for definition in DEFINITIONS
    },
    "dominance": lambda curves: pd.DataFrame(
        [dominance(differences(curves, DEFINITIONS[0]), "all").shares]
    ),
}


@pytest.mark.parametrize("name", CONSUMERS)
def test_two_lanes_count_as_their_mean(name: str) -> None:
    curves = synthetic.curves()
    one, two = (CONSUMERS[name](rows) for rows in (curves, synthetic.two_lanes(curves)))
    own = one[two.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, two.reset_index(drop=True), rtol=1e-12)


@pytest.mark.parametrize("name", CONSUMERS)
def test_curves_without_lanes_are_those_of_one(name: str) -> None:
    curves = synthetic.curves()
    old, new = (CONSUMERS[name](rows) for rows in (curves.drop(columns="lane"), curves))
    pd.testing.assert_frame_equal(old, new, check_exact=True)


def test_one_lane_is_left_as_it_is() -> None:
    curves = synthetic.curves()
    pd.testing.assert_frame_equal(over_lanes(curves), curves.drop(columns="lane"), check_exact=True)


def test_what_one_lane_does_not_know_is_that_of_the_other() -> None:
    curves = synthetic.two_lanes(synthetic.curves())
    known = curves["lane"] == 1
    curves["relative_l1"] = curves["relative_l1"].where(known)
    merged = over_lanes(curves)
    expected = curves.loc[known, "relative_l1"].to_numpy()
    assert (merged["relative_l1"].to_numpy() == expected).all()
