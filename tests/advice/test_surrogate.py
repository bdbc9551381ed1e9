import numpy as np
import pandas as pd
import pytest
from advice.synthetic import GROUPS, plan_of, runs, some_lags
from scipy.stats import spearmanr

from pab_bench.advice.exposure import exposure
from pab_bench.advice.fit import fit, leave_one_out
from pab_bench.advice.lags import lags_of
from pab_bench.advice.surrogate import Run, loss_of, prior, value_of
from pab_bench.engine.boundaries import within_transformers
from pab_bench.engine.kinds import CROSS, SPATIAL, TEMPORAL
from pab_bench.engine.plan import Plan
from pab_bench.methods.rules import GapRule, Rules

WEIGHTS = dict(zip(GROUPS, (1.5, -0.5, -0.5, -1.0, 0.5), strict=True))
KNOTS = (1.0, -1.0, 0.0, 0.5)
SLOPES = {"lpips": 0.8, "psnr": 1.1}
OFFSETS = {"lpips": -9.0, "psnr": -12.0}


def test_known_weights_are_recovered_as_ranks():
    law = WEIGHTS, KNOTS, SLOPES, OFFSETS
    known = runs(16, *law, noise=0.05)
    others = runs(60, *law, seed=2)
    fitted = fit(known)
    before, after = prior(GROUPS), fitted
    measured = [run.losses["lpips"] for run in others]

    def rank(surrogate):
        return spearmanr([surrogate.error(run.exposure) for run in others], measured).statistic

    assert rank(after) > 0.97
    assert rank(after) > rank(before) + 0.02
    predicted = [fitted.loss("psnr", fitted.error(run.exposure)) for run in others]
    errors = np.log(predicted) - np.log([run.losses["psnr"] for run in others])
    assert np.median(np.abs(errors)) < 0.2


def test_order_of_groups_is_recovered():
    fitted = fit(runs(25, WEIGHTS, KNOTS, SLOPES, OFFSETS))
    by_group = dict(zip(fitted.groups, fitted.group_weights, strict=True))
    assert by_group[CROSS] > by_group[TEMPORAL] > by_group[SPATIAL]
    assert fitted.knots[0] > fitted.knots[1]


def test_leave_one_out_is_the_noise_that_is_left():
    law = WEIGHTS, KNOTS, SLOPES, OFFSETS
    exact = leave_one_out(runs(20, *law))
    noisy = leave_one_out(runs(20, *law, noise=0.5))
    assert exact["lpips"] < 0.2 < 0.4 < noisy["lpips"]
    assert leave_one_out(runs(3, *law)) == {}


def test_one_run_sets_the_level_alone():
    (run,) = runs(1, WEIGHTS, KNOTS, SLOPES, OFFSETS)
    fitted = fit([run])
    assert fitted.loss("lpips", fitted.error(run.exposure)) == pytest.approx(run.losses["lpips"])
    assert np.abs(fitted.group_weights).max() < 0.05


def test_runs_that_tell_nothing_are_refused():
    nothing = exposure(plan_of(), some_lags())
    with pytest.raises(ValueError, match="no run tells anything"):
        fit([Run(nothing, {"lpips": 0.0, "psnr": 1e-10})])


def test_error_at_is_the_inverse_of_loss():
    fitted = fit(runs(8, WEIGHTS, KNOTS, SLOPES, OFFSETS))
    assert fitted.loss("psnr", fitted.error_at("psnr", 1e-3)) == pytest.approx(1e-3)
    assert value_of("psnr", loss_of("psnr", 37.5)) == pytest.approx(37.5)


def test_exposure_is_what_the_curves_say_of_each_reuse():
    lags = some_lags()
    rules = Rules(spatial=GapRule(True, (100, 900), 3, (1, 1)))
    shown = exposure(plan_of(rules), lags)
    values = shown.values[shown.groups.index(SPATIAL)]
    # Timesteps 850 (call 2) and 800 (call 3): call 2 is 2 after the multiple 0, which is outside
    # the window, so that its source is the last computed call, 1.
    assert values[2, 1] == lags.mse[SPATIAL][2, 1, 1]
    assert values[3, 1] == 0
    assert values[5, 1] == lags.mse[SPATIAL][5, 2, 1]
    assert (values[:, [0, 2]] == 0).all()
    assert shown.values.sum() == values.sum()


def test_lags_beyond_those_that_are_known_are_counted_and_bounded():
    lags = some_lags(lags=2)
    rules = Rules(cross=GapRule(True, (-1, 1000), 5))
    shown = exposure(plan_of(rules), lags)
    values = shown.values[shown.groups.index(CROSS)]
    assert values[4, 0] == lags.mse[CROSS][4, 2, 0]
    assert shown.beyond == 2 * 4 * 3


def test_another_model_is_refused():
    plan = plan_of()
    shorter = Plan(plan.timesteps[1:], plan.depth, {g: t[1:] for g, t in plan.source.items()})
    with pytest.raises(ValueError, match="another model or number of steps"):
        exposure(shorter, some_lags())


def recorded_rows(lane):
    """What a recorder says of two videos of one lane, a number that tells its place."""
    plan = plan_of(groups=(SPATIAL,), times=(900, 500, 100), depth=2)
    places = [
        (prompt, call, block, lag)
        for prompt in range(2)
        for call in range(1, plan.calls)
        for block in range(plan.depth)
        for lag in range(1, call + 1)
    ]
    rows = [
        {
            "prompt": prompt,
            "seed": 0,
            "call": call,
            "timestep": plan.timesteps[call],
            "kind": "spatial",
            "branch": "spatial",
            "block": block,
            "lane": lane,
            "lag": lag,
            "mse": (lane + 1) * (1000.0 * prompt + 100 * call + 10 * block + lag),
            "energy": lane + 3.0,
            "elements": 64,
        }
        for prompt, call, block, lag in places
    ]
    return pd.DataFrame(rows), plan


def test_lags_are_averaged_over_videos_and_lanes():
    first, plan = recorded_rows(lane=0)
    second, _ = recorded_rows(lane=1)
    one, both = lags_of(first, plan, 2), lags_of(pd.concat([first, second]), plan, 2)
    assert one.mse[SPATIAL][2, 1, 1] == 500 + 200 + 10 + 1
    np.testing.assert_array_equal(both.mse[SPATIAL], 1.5 * one.mse[SPATIAL])
    assert (one.energy[SPATIAL][1:] == 3).all()
    assert (both.energy[SPATIAL][1:] == 3.5).all()
    assert one.elements == both.elements == {SPATIAL: 64}


def test_rows_from_before_there_were_lanes_are_those_of_one():
    rows, plan = recorded_rows(lane=0)
    with_lane, without = lags_of(rows, plan, 0), lags_of(rows.drop(columns="lane"), plan, 0)
    np.testing.assert_array_equal(with_lane.mse[SPATIAL], without.mse[SPATIAL])
    np.testing.assert_array_equal(with_lane.energy[SPATIAL], without.energy[SPATIAL])


def test_lags_across_a_boundary_are_not_there():
    rows, plan = recorded_rows(lane=0)
    called = (0, 0, 1)
    inside = [
        row["lag"] <= row["call"] - called.index(called[row["call"]]) for _, row in rows.iterrows()
    ]
    known = lags_of(rows, plan, 0)
    own = lags_of(rows[inside], within_transformers(plan, called), 0)
    for call in range(plan.calls):
        for lag in range(1, own.longest + 1):
            there = lag <= call and called[call - lag] == called[call]
            expected = known.mse[SPATIAL][call, lag] if there else np.nan
            np.testing.assert_array_equal(own.mse[SPATIAL][call, lag], expected)
    assert (own.energy[SPATIAL][2] == 0).all()
