"""Plans of the static methods, and what they refuse."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pab_bench.engine.kinds import (
    CROSS,
    CROSS_TEMPORAL,
    MLP_SPATIAL,
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
)
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.delta_dit import DeltaDit
from pab_bench.methods.delta_dit_pab import DeltaDitPab
from pab_bench.methods.fewer_steps import FewerSteps
from pab_bench.methods.fora import Fora
from pab_bench.methods.taylorseer import TaylorSeer
from pab_bench.methods.tgate import TGate
from pab_bench.methods.tgate_pab import TGatePab
from pab_bench.problems import InvalidSettings, Problems

GROUPS = (SPATIAL, TEMPORAL, CROSS, CROSS_TEMPORAL, MLP_SPATIAL, MLP_TEMPORAL)
STACK = tuple(tuple((group, block) for group in GROUPS) for block in range(4))
LATTE = About("latte", 50, 50, 28, "ddim_leading", True)


def facts(calls):
    return Facts(tuple(range(calls, 0, -1)), calls, 4, GROUPS, stack=STACK)


def digits(plan, group, block=0):
    """A digit for every call: 1 where the site computes."""
    return "".join("10"[int(reused)] for reused in plan.reuse(group)[:, block])


def found(method, about):
    problems = Problems()
    method.filled(about).check(about, problems)
    return [str(problem) for problem in problems.found]


@pytest.mark.parametrize("interval", [2, 3, 7])
@pytest.mark.parametrize("calls", [1, 2, 9, 30])
def test_fora_counts_from_the_last_call(interval, calls):
    plan = Fora(interval).plan(facts(calls))
    computed = [c for c in range(calls) if c == 0 or (calls - 1 - c) % interval == 0]
    for group, block in product(GROUPS, range(4)):
        assert np.flatnonzero(~plan.reuse(group)[:, block]).tolist() == computed
    assert Fora(interval).broadcast_object == "ungated"
    assert plan.sites_only


def test_fora_of_some_kinds_from_the_first_call():
    plan = Fora(3, "first", ("spatial", "mlp")).plan(facts(8))
    assert digits(plan, SPATIAL) == digits(plan, MLP_TEMPORAL) == "10010010"
    assert digits(plan, CROSS) == digits(plan, TEMPORAL) == "11111111"


def test_tgate_as_in_the_experiments():
    method = TGatePab().filled(LATTE)
    plan = method.plan(facts(50))
    assert digits(plan, SPATIAL) == digits(plan, TEMPORAL) == "10" * 10 + "1" * 30
    assert digits(plan, CROSS) == digits(plan, CROSS_TEMPORAL) == "1" * 21 + "0" * 29
    assert digits(plan, MLP_SPATIAL) == "1" * 50
    assert method.broadcast_object == "output"
    # What is said wins over what was published.
    assert TGatePab(cross_call=3).filled(LATTE).cross_call == 3
    assert found(TGatePab(), LATTE) == []
    assert found(TGatePab(), replace(LATTE, steps=20)) == [
        "method.spatial_calls=null: nothing was published for latte with 20 steps (latte with 50, "
        "open_sora with 30, open_sora_plan with 150); set method.spatial_calls, "
        "method.spatial_gap, method.temporal_calls, method.temporal_gap, method.cross_call"
    ]
    only_cross = TGatePab(spatial=False, temporal=False, cross_call=4)
    assert found(only_cross, replace(LATTE, steps=20)) == []
    assert digits(only_cross.plan(facts(8)), SPATIAL) == "1" * 8


def test_tgate_drops_guidance():
    plan = TGate(5, 2, 3, 1).plan(facts(10))
    assert plan.rows == (2,) * 5 + (1,) * 5
    assert digits(plan, CROSS) == "1111100000"
    # 0 and 1: warm-up; 2: by the interval; 4: before the gate; 6 and 9: by the other interval.
    assert digits(plan, SPATIAL) == digits(plan, TEMPORAL) == "1110101001"
    assert TGate().needs == {"sites", "rows"}
    assert found(TGate(60), LATTE) == [
        "method.gate=60: must be below 50, the calls of the transformer"
    ]


def test_delta_dit_leaves_blocks_out():
    plan = DeltaDitPab(("2-8:1-2",), 3).plan(facts(10))
    # The third and the sixth call of the interval.
    assert digits(plan, SPATIAL, 1) == digits(plan, MLP_TEMPORAL, 2) == "1111011011"
    assert digits(plan, SPATIAL, 0) == digits(plan, CROSS, 3) == "1" * 10
    assert plan.stack[4].tolist() == [4, 3, 3, 4]
    assert plan.is_skipped(SPATIAL)[4].tolist() == [False, True, True, False]
    every = DeltaDitPab(("2-8:1-2",), 3, phase="every_gap").plan(facts(10))
    assert digits(every, SPATIAL, 1) == "1110010011"
    assert found(DeltaDitPab(), LATTE) == []
    assert found(DeltaDitPab(), replace(LATTE, system="cogvideox"))[0].startswith(
        "method.intervals=null: nothing was published for cogvideox with 50 steps"
    )
    assert found(DeltaDitPab(("0-5:0-28",)), LATTE) == [
        "method.intervals=[0-5:0-28]: the model has blocks 0 to 27"
    ]


def test_delta_dit_of_the_paper_has_two_stages():
    plan = DeltaDit(2, 2, 5).plan(facts(9))
    assert digits(plan, SPATIAL, 3) == digits(plan, SPATIAL, 2) == "101011111"
    assert digits(plan, SPATIAL, 0) == digits(plan, SPATIAL, 1) == "111111010"
    assert found(DeltaDit(2, 29, 0), LATTE) == ["method.blocks=29: the model has 28 block pairs"]


def test_taylorseer_extrapolates():
    plan = TaylorSeer(order=2).plan(facts(16))
    assert digits(plan, SPATIAL) == digits(plan, CROSS) == "1110100001000010"
    assert digits(plan, MLP_SPATIAL) == "1" * 16
    assert plan.order == 2
    # Every computed output is needed to make the next one's differences.
    assert plan.last_use(SPATIAL)[:, 0].tolist()[:5] == [1, 2, 4, 3, 9]
    assert plan.last_use(SPATIAL)[14, 0] == 15
    lite = TaylorSeer(lite=True)
    assert lite.needs == {"call"}
    assert lite.plan(facts(6)).called == (0, 1, 2, 2, 4, 4)
    assert digits(lite.plan(facts(6)), MLP_SPATIAL) == "111010"
    assert found(TaylorSeer(before=50), LATTE) == [
        "method.before=50: all 50 calls of the transformer would compute"
    ]


def test_fewer_steps():
    method = FewerSteps(10)
    assert method.sampled_steps(50) == 10
    assert plan_of_facts(method, facts(10)).is_baseline()
    assert found(method, LATTE) == []
    assert found(FewerSteps(50), LATTE) == [
        "method.steps=50: must be fewer than the baseline's, steps=50"
    ]
    assert "at least" in found(FewerSteps(2), About("x", 9, None, 4, "pndm", True))[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fora(1), "method.interval=1: must be a whole number of at least 2"),
        (lambda: Fora(3, "middle"), "method.phase=middle: must be one of last, first"),
        (lambda: Fora(3, kinds=("text",)), "method.kinds=text: must be one of"),
        (lambda: FewerSteps(), "method.steps=null: must say how many steps are made"),
        (lambda: TGate(2, warm_up=2), "method.warm_up=2: must be below gate=2"),
        (lambda: TGatePab(spatial_calls=(4, 4)), r"method.spatial_calls=\[4,4\]: must be"),
        (lambda: TGatePab(False, temporal=False, cross=False), "nothing would be reused"),
        (lambda: DeltaDitPab(("0-5",)), "must be texts such as 0-5:0-2"),
        (lambda: DeltaDitPab(("5-0:0-1",)), "must go from the lower number up"),
        (lambda: DeltaDitPab(("0-5:0-1", "5-8:0-1")), "must not share a call"),
        (lambda: DeltaDitPab(sign="minus"), "method.sign=minus: must be one of upstream"),
        (lambda: DeltaDit(), "method.blocks=null: nothing was published for video models"),
        (lambda: TaylorSeer(order=5), "method.order=5: must be a whole number from 0 to 4"),
        (lambda: TaylorSeer(lite=True, kinds=("mlp",)), "has no effect with method.lite=true"),
        (lambda: TaylorSeer(after=1), "method.after=1: must be a whole number of at least 3"),
    ],
)
def test_what_cannot_be_meant(make, message):
    with pytest.raises(InvalidSettings, match=message):
        make()
