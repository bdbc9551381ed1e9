from __future__ import annotations

import pytest

from pab_bench.cost.time_bound import reuse_shares, time_bound
from pab_bench.engine.kinds import CROSS, CROSS_TEMPORAL, SPATIAL
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = [900, 700, 500, 300]


def row(spatial, cross):
    return {"spatial_s": spatial, "temporal_s": 0.0, "cross_s": cross, "mlp_s": 0.0}


def test_what_is_reused_takes_no_time():
    rules = Rules(spatial=GapRule(True, (0, 1000), 2), cross=GapRule(True, (0, 1000), 4, (0, 0)))
    plan = make_plan(rules, TIMES, 2, (SPATIAL, CROSS, CROSS_TEMPORAL))
    assert reuse_shares(plan, "spatial") == [0, 1, 0, 1]
    assert reuse_shares(plan, "cross") == [0, 0.5, 0.5, 0.5]
    assert reuse_shares(plan, "mlp") == [0, 0, 0, 0]
    times = [row(1.0, 2.0), row(1.5, 2.0), row(1.0, 1.0), row(0.5, 2.0)]
    # Saved are spatial 1.5 + 0.5 and half of the cross-attention in the last three calls.
    assert time_bound(plan, times, 20.0) == pytest.approx(20 / (20 - 2.0 - 2.5))


def test_a_baseline_has_no_speedup():
    plan = make_plan(Rules(), TIMES, 2, (SPATIAL, CROSS))
    assert time_bound(plan, [row(1.0, 1.0)] * 4, 9.0) == 1
