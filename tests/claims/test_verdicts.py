"""On curves of known shape the verdicts are right."""

import math

import numpy as np
import pytest
from claims.made_curves import CALLS, FIRST, FLAT, LAST, TIMESTEPS, U, curves
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.claims.definition import PAPER, Definition, UnusableCurves, differences
from pab_bench.claims.examination import examine
from pab_bench.claims.ranking import ranking
from pab_bench.claims.resampling import weights
from pab_bench.claims.segmentation import segment
from pab_bench.claims.stability import stability
from pab_bench.claims.stable_segment import RESAMPLES, _drawn, stable_segment
from pab_bench.claims.u_shape import u_shape, with_blocks
from pab_bench.claims.verdict import MINIMAL_UNITS, judge, together
from pab_bench.statistics import Interval

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"


def rows(shapes, **options):
    return differences(curves(shapes, **options), PAPER)


def verdicts(findings):
    return [finding.verdict for finding in findings]


@pytest.mark.parametrize(
    ("levels", "expected", "segment_verdict"),
    [
        (U, [HOLDS, HOLDS, HOLDS], HOLDS),
        (FLAT, [FAILS, FAILS, FAILS], UNDECIDED),
        ((1, 1, 10), [FAILS, HOLDS, FAILS], FAILS),
        ((10, 1, 1), [HOLDS, FAILS, FAILS], FAILS),
        ((0.1, 1, 0.1), [FAILS, FAILS, FAILS], FAILS),
        ((1.1, 1, 1.1), [FAILS, FAILS, FAILS], UNDECIDED),  # Less than what would matter.
    ],
)
def test_shapes(levels, expected, segment_verdict):
    given = rows({"spatial": levels}, noise=0.02)
    arms = u_shape(given, CALLS, "spatial")
    assert verdicts(arms) == expected
    assert math.exp(arms[0].effect) == pytest.approx(levels[0] / levels[1], rel=0.02)
    assert math.exp(arms[1].effect) == pytest.approx(levels[2] / levels[1], rel=0.02)
    assert arms[0].interval.low <= arms[0].effect <= arms[0].interval.high
    assert arms[0].videos == 8
    assert arms[0].units == "4 prompts"
    assert stable_segment(given, "spatial").verdict == segment_verdict


def test_pure_noise_is_no_u():
    """Each step of each video by itself, over two decades."""
    arms = u_shape(rows({"spatial": FLAT}, noise=1.5), CALLS, "spatial")
    assert HOLDS not in verdicts(arms)
    assert stable_segment(rows({"spatial": FLAT}, noise=1.5), "spatial").verdict != HOLDS


def test_the_segment_can_be_copied_as_a_threshold():
    found = stable_segment(rows({"spatial": U}), "spatial")
    details = found.details
    assert (details["first_step"], details["last_step"]) == (FIRST, LAST)
    low, high = details["threshold"]
    inside = [step for step in range(CALLS) if low < TIMESTEPS[step] < high]
    assert inside == list(range(FIRST, LAST + 1))
    assert details["other_steps_in_threshold"] == 0
    assert details["first_step_interval"] == [FIRST, FIRST]
    assert details["last_timestep_interval"] == [TIMESTEPS[LAST]] * 2


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(4, 15),
    stop=st.integers(34, 45),
    left=st.floats(0.7, 6),
    right=st.floats(0.7, 6),
    seed=st.integers(0, 1000),
)
def test_change_points_within_one_step(start, stop, left, right, seed):
    curve = np.random.default_rng(seed).normal(0, 0.05, 49)
    curve[:start] += left
    curve[stop:] += right
    found = segment(curve)
    assert abs(found.start - start) <= 1
    assert abs(found.stop - stop) <= 1
    assert found.rise == pytest.approx(min(left, right), abs=0.15)


@pytest.mark.parametrize("units", [2, 4])
def test_equal_draws_are_cut_once_and_all_are_counted(units):
    logs, sizes = np.random.default_rng(0).normal(0, 1, (units, 20)), np.arange(1.0, units + 1)
    shares = weights(units, RESAMPLES) * sizes
    each = [segment(share @ logs / share.sum()) for share in shares]
    found = _drawn(logs, sizes)
    assert [(one.start, one.stop) for one in found] == [(one.start, one.stop) for one in each]
    assert [one.rise for one in found] == pytest.approx([one.rise for one in each])


@given(st.lists(st.floats(-30, 5), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_curve_has_a_longest_segment(values):
    found = segment(np.array(values))
    assert 0 <= found.start < found.stop <= len(values)
    borders = [0, *found.changes, len(values)]
    assert found.stop - found.start == max(np.diff(borders))
    assert (found.left is None) == (found.start == 0)
    assert (found.right is None) == (found.stop == len(values))


def test_arms_of_two_levels_leave_the_middle_whole():
    """As on the embedded Latte: low, high, low, high, very high."""
    levels = np.repeat([0.3, 4.0, 1.0, 5.0, 100.0], [4, 10, 28, 4, 3])
    found = stable_segment(rows({"spatial": levels}), "spatial")
    assert (found.details["first_step"], found.details["last_step"]) == (15, 42)
    assert found.verdict == HOLDS


def test_ranking():
    shapes = {"spatial": U, "temporal": U, "cross": U}
    pairs = ranking(rows(shapes), CALLS, per_block=True)
    assert [pair.about for pair in pairs] == [
        "spatial > temporal",
        "temporal > cross",
        "spatial > temporal > cross",
    ]
    assert verdicts(pairs) == [HOLDS] * 3
    assert math.exp(pairs[0].effect) == pytest.approx(1 / 0.3, rel=0.05)
    swapped = {"spatial": 0.3, "temporal": 1.0, "cross": 0.01}
    pairs = ranking(rows(shapes, levels=swapped), CALLS, per_block=True)
    assert verdicts(pairs) == [FAILS, HOLDS, FAILS]
    equal = {"spatial": 1.0, "temporal": 1.0, "cross": 0.01}
    assert verdicts(ranking(rows(shapes, levels=equal), CALLS, False)) == [FAILS, HOLDS, FAILS]


def test_the_blocks_that_break_a_claim_are_named():
    table = curves({"spatial": U, "temporal": U}, blocks=3)
    inverted = (table["block"] == 1) & (table["kind"] == "spatial")
    ends = ~table["step"].between(FIRST, LAST)
    table.loc[inverted & ends, "mse"] /= 1000
    table.loc[inverted & ~ends, "mse"] /= 10
    given = differences(table, PAPER)
    spatial = given[given["kind"] == "spatial"]
    whole = with_blocks(u_shape(spatial, CALLS, "spatial"), spatial, CALLS)[-1]
    assert whole.verdict == HOLDS  # Of the mean.
    assert whole.details["hold"] == ["spatial 0", "spatial 2"]
    assert whole.details["do_not_hold"] == ["spatial 1"]
    assert whole.details["share_of_blocks"] == pytest.approx(2 / 3)
    order = ranking(given, CALLS, per_block=True)
    assert order[0].details["do_not_hold"] == ["1"]


def test_agreement_between_prompts_and_seeds():
    given = rows({"spatial": np.geomspace(10, 1, CALLS - 1)}, noise=0.01)
    for over in ("prompt", "seed"):
        found = stability(given, over, "spatial")
        assert found.verdict == HOLDS
        assert found.effect > 0.98
        assert found.interval.low <= found.effect <= found.interval.high
        assert found.details["pairs"] == (2 * 6 if over == "prompt" else 4)
    noise = rows({"spatial": FLAT}, noise=1.0)
    assert stability(noise, "prompt", "spatial").verdict == FAILS
    assert stability(noise, "seed", "spatial").verdict == FAILS


def test_prompts_may_differ_where_seeds_do_not():
    table = curves({"spatial": np.geomspace(10, 1, CALLS - 1)}, noise=0.01)
    # Every prompt has its own order of the steps, which its seeds share.
    for prompt in range(4):
        order = dict(
            zip(
                range(1, CALLS),
                np.random.default_rng(prompt).permutation(CALLS - 1) + 1,
                strict=True,
            )
        )
        own = table["prompt"] == prompt
        table.loc[own, "step"] = table.loc[own, "step"].map(order)
    given = differences(table.assign(timestep=-table["step"]), PAPER)
    assert stability(given, "seed", "spatial").verdict == HOLDS
    assert stability(given, "prompt", "spatial").verdict == FAILS


def test_one_seed_has_nothing_to_compare():
    found = stability(rows({"spatial": U}, seeds=1), "seed", "spatial")
    assert (found.verdict, found.effect) == (UNDECIDED, None)
    assert found.reason == "n=1 seed: there is nothing to compare"


@pytest.mark.parametrize(
    ("prompts", "seeds", "reason"),
    [
        (1, 1, "n=1 seed, needs 4"),
        (3, 2, "n=3 prompts, needs 4"),
        (1, 3, "n=3 seeds, needs 4"),
    ],
)
def test_too_few_videos_give_an_effect_and_no_verdict(prompts, seeds, reason):
    shapes = {"spatial": U, "temporal": U, "cross": U}
    found = examine(curves(shapes, prompts=prompts, seeds=seeds), CALLS, sensitivity=False)
    for finding in found.findings:
        assert finding.verdict == UNDECIDED
    arm = found.findings[0]
    assert math.exp(arm.effect) == pytest.approx(10, rel=0.05)
    assert arm.reason == reason
    assert (arm.interval is None) == (prompts * seeds == 1)
    assert (found.findings[0].standardised is None) == (prompts * seeds == 1)


def test_one_prompt_with_enough_seeds():
    found = u_shape(rows({"spatial": U}, prompts=1, seeds=4), CALLS, "spatial")
    assert verdicts(found) == [HOLDS] * 3
    assert found[0].units == "4 seeds"
    assert "one prompt" in found[0].note


def test_only_kinds_that_exist_are_tested():
    found = examine(curves({"spatial": U, "mlp": U}), CALLS, sensitivity=False)
    assert found.kinds == ["spatial", "mlp"]
    assert found.absent == ["temporal", "cross"]
    assert {about for _, about in found.verdicts()} == {"spatial", "mlp"}
    assert "ranking" not in {claim for claim, _ in found.verdicts()}


def test_what_depends_on_the_definition_is_said():
    table = curves({"spatial": U, "temporal": U, "cross": U})
    # Loud temporal outputs: their difference is small only in relation to them.
    temporal = table["kind"] == "temporal"
    table.loc[temporal, "energy"] = 1e-3
    found = examine(table, CALLS)
    assert len(found.sensitivity) == 8
    dependent = found.dependent()
    assert ("ranking", "spatial > temporal") in dependent
    assert ("ranking", "temporal > cross") not in dependent
    assert ("u_shape", "spatial") not in dependent
    by_definition = {
        definition: own["ranking", "spatial > temporal"]
        for definition, own in found.sensitivity.items()
    }
    assert by_definition[Definition("mse", "gated")] == HOLDS
    assert by_definition[Definition("mse_over_energy", "ungated")] == FAILS
    assert len(found.to_json()["sensitivity"]) == 8 * len(found.findings)


def test_zeros_are_missing_with_a_reason():
    table = curves({"spatial": U})
    table.loc[(table["step"] == 20), "mse"] = 0.0
    found = stable_segment(differences(table, PAPER), "spatial")
    assert found.verdict == UNDECIDED
    assert found.reason == "the difference is not positive at 1 of 49 steps"
    table["mse"] = 0.0
    arm = u_shape(differences(table, PAPER), CALLS, "spatial")[0]
    assert (arm.verdict, arm.effect) == (UNDECIDED, None)
    assert "no video has a positive difference" in arm.reason


def test_too_few_steps_for_an_arm():
    table = curves({"spatial": [1.0, 1.0, 5.0]}, calls=4)
    first, last, whole = u_shape(differences(table, PAPER), 4, "spatial")
    assert (first.verdict, first.effect) == (UNDECIDED, None)
    assert last.verdict == HOLDS
    assert whole.verdict == UNDECIDED


def test_steps_that_rest_are_left_out():
    """PNDM's warm-up calls the transformer twice at a timestep."""
    table = curves({"spatial": U, "temporal": U, "cross": U})
    table.loc[table["step"].isin([2, 4]), "timestep"] += 20
    table.loc[table["step"].isin([2, 4]), "mse"] /= 1e6
    found = examine(table, CALLS, sensitivity=False)
    assert found.resting == [2, 4]
    assert found.verdicts()["u_shape", "spatial"] == HOLDS
    assert found.verdicts()["stable_segment", "spatial"] == HOLDS


def test_a_table_that_is_no_curves():
    with pytest.raises(UnusableCurves, match="without the columns block"):
        examine(curves({"spatial": U}).drop(columns="block"), CALLS)
    with pytest.raises(UnusableCurves, match="without rows"):
        examine(curves({"spatial": U}).iloc[:0], CALLS)
    table = curves({"spatial": U})
    with pytest.raises(UnusableCurves, match="no ungated outputs"):
        examine(table[table["tensor"] == "gated"], CALLS)


@given(st.floats(-5, 5), st.floats(0, 5), st.integers(0, 20), st.floats(-5, 5))
def test_the_rule(low, width, units, boundary):
    verdict, reason = judge(Interval(low, low + width), units, "prompt", boundary)
    if units < MINIMAL_UNITS:
        assert verdict == UNDECIDED
        assert reason.startswith(f"n={units} prompt")
    else:
        assert (verdict == HOLDS) == (low > boundary)
        assert (verdict == FAILS) == (low + width < boundary)
        assert bool(reason) == (verdict == UNDECIDED)


@given(st.lists(st.sampled_from([HOLDS, FAILS, UNDECIDED]), min_size=1))
def test_several_at_once(given_verdicts):
    whole = together(given_verdicts)
    assert (whole == HOLDS) == all(verdict == HOLDS for verdict in given_verdicts)
    assert (whole == FAILS) == (FAILS in given_verdicts)
