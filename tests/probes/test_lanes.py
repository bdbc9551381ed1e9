"""Where a step takes two calls of the transformer, recorders compare each with its own past."""

import pytest
import torch
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample_lanes

from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.lagged_difference import LaggedDifference

TIMES = [900, 700, 500, 300, 100]
RECORDERS = {
    "difference": AttentionDifference,
    "lags": lambda: LaggedDifference(lags=3),
    "ungated lags": lambda: LaggedDifference(lags=3, ungated=True),
}


@pytest.fixture
def rows_of():
    torch.manual_seed(0)
    transformer = ToyTransformer()
    plan = make_plan(Rules(), TIMES, 2, GROUPS)

    def record(make, *starts):
        """Per lane the rows without the lane's number."""
        recorder = make()
        with Engine(ToyArchitecture(transformer), plan, observers=[recorder], lanes=len(starts)):
            sample_lanes(transformer, TIMES, *starts)
        lanes = [[] for _ in starts]
        for row in recorder.rows(plan.timesteps):
            lanes[row.pop("lane")].append(row)
        return lanes

    return record


@pytest.mark.parametrize("name", RECORDERS)
def test_rows_of_a_lane_are_those_of_a_run_of_it_alone(rows_of, name):
    starts = torch.randn(2, 2, 4)
    both = rows_of(RECORDERS[name], *starts)
    alone = [rows_of(RECORDERS[name], start)[0] for start in starts]
    assert both == alone
    assert both[0]
    assert both[0] != both[1]


@pytest.mark.parametrize("name", RECORDERS)
def test_a_lane_does_not_depend_on_the_other(rows_of, name):
    first, second = torch.randn(2, 2, 4)
    before = rows_of(RECORDERS[name], first, second)
    after = rows_of(RECORDERS[name], first, second + 1)
    assert before[0] == after[0]
    assert before[1] != after[1]
