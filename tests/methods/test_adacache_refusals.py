"""What AdaCache knows as published, and what it refuses."""

import math
from dataclasses import replace

import pytest
from engine.toy import GROUPS

from pab_bench.engine.kinds import CROSS, CROSS_TEMPORAL, MLP_SPATIAL, SPATIAL, Group
from pab_bench.methods.adacache import AdaCache
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.combined import Combined
from pab_bench.methods.fora import Fora
from pab_bench.problems import InvalidSettings, Problems

OPEN_SORA = About("open_sora", 30, 30, 28, "rectified_flow", True)
BOOK = (0.05, 0.1, 0.2, 0.3, 0.4, 1.0)
RATES = (5, 4, 3, 2, 2, 1)
OWN = AdaCache("own", BOOK, RATES, measure_blocks=(1,))
TIMES = tuple(range(12, 0, -1))


def found(method, about):
    problems = Problems()
    method.filled(about).check(about, problems)
    return [str(problem) for problem in problems.found]


def test_what_is_published_for_open_sora():
    own = AdaCache(motion=True).filled(OPEN_SORA)
    assert (own.thresholds, own.rates) == ((0.08, 0.16, 0.24, 0.32, 0.4, 1.0), (6, 5, 4, 3, 2, 1))
    assert (own.measure_blocks, own.motion_first, own.motion_last) == ((13,), 3, 25)
    assert AdaCache("slow").filled(OPEN_SORA).rates == (3, 2, 1, 1, 1, 1)
    more = replace(OPEN_SORA, steps=100, calls=100)
    own = AdaCache(motion=True).filled(more)
    assert (own.rates, own.motion_first, own.motion_last) == ((12, 10, 8, 6, 4, 3), 9, 89)
    for method, about in ((AdaCache(), OPEN_SORA), (AdaCache("slow"), OPEN_SORA)):
        assert found(method, about) == []
    assert AdaCache("own", BOOK, RATES).filled(OPEN_SORA).thresholds == BOOK
    assert AdaCache().settings()["codebook"] == "fast"


LATTE = About("latte", 50, 50, 28, "ddim", True)
MINI = replace(OPEN_SORA, depth=6)
MORE = replace(OPEN_SORA, steps=100, calls=100)


@pytest.mark.parametrize(
    ("method", "about", "messages"),
    [
        (
            AdaCache(),
            LATTE,
            [
                "method.codebook=fast: was not published for latte with 50 steps (fast for "
                "open_sora with 30 steps, slow for open_sora with 30 steps, fast for open_sora "
                "with 100 steps); set method.codebook=own, method.thresholds and method.rates"
            ],
        ),
        (OWN, LATTE, []),
        (
            AdaCache("slow"),
            MORE,
            ["method.codebook=slow: was not published for open_sora with 100 steps"],
        ),
        (
            AdaCache(rates=RATES),
            OPEN_SORA,
            ["method.rates=[5,4,3,2,2,1]: is not that of codebook=fast; set method.codebook=own"],
        ),
        (
            AdaCache(),
            MINI,
            [
                "method.measure_blocks=null: published are blocks [13] of 28, the model has 6; "
                "set it"
            ],
        ),
        (
            AdaCache(measure_blocks=(2, 6)),
            MINI,
            ["method.measure_blocks=[2,6]: must be below 6, the number of block pairs"],
        ),
        (
            replace(OWN, motion=True),
            LATTE,
            [
                "method.motion_first=null: nothing was published for latte with 50 steps; set it",
                "method.motion_last=null: nothing was published for latte with 50 steps; set it",
            ],
        ),
        (
            replace(OWN, motion=True, motion_first=2, motion_last=50),
            LATTE,
            ["method.motion_last=50: must be below 50, the calls of the transformer"],
        ),
    ],
)
def test_what_does_not_hold_for_a_sampling(method, about, messages):
    told = found(method, about)
    assert len(told) == len(messages)
    assert all(own.startswith(message) for own, message in zip(told, messages, strict=True))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"codebook": "quick"}, "method.codebook=quick: must be one of fast, slow, own"),
        ({"codebook": "own"}, "method.thresholds=null: is to be said where codebook=own: 6"),
        ({"codebook": "own", "thresholds": BOOK}, "method.rates=null: is to be said where"),
        ({"thresholds": BOOK[:5]}, "method.thresholds=.*: must be 6 numbers"),
        ({"thresholds": (0.1, 0.2, 0.2, 0.3, 0.4, 1.0)}, "each larger than the one before"),
        ({"thresholds": (*BOOK[:5], math.inf)}, "must be finite numbers above 0"),
        ({"rates": (6, 5, 4, 3, 2, 0)}, "method.rates=.*: must be whole numbers of at least 1"),
        ({"measure": ()}, "method.measure=.*: must have at least one of temporal"),
        ({"measure": ("cross",)}, "method.measure=cross: must be one of temporal, spatial, cross"),
        ({"measure_blocks": (-1,)}, "method.measure_blocks=.*of at least 0"),
        ({"measure_blocks": (1, 1)}, "has the same value more than once"),
        ({"motion_strides": (0,)}, "method.motion_strides=.*of at least 1"),
        ({"motion_first": 9, "motion_last": 3}, "method.motion_first=9: must not be above"),
        ({"motion_scale": 0.0}, "method.motion_scale=0.0: must be a finite number above 0"),
        ({"motion_divisor": math.nan}, "method.motion_divisor=nan: must be a finite number"),
        ({"motion_gradient": -1.0}, "method.motion_gradient=-1.0: must be a finite number"),
        ({"protect_last": -1}, "method.protect_last=-1: must be a whole number of at least 0"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        AdaCache(**keys)


@pytest.mark.parametrize(
    ("groups", "keys", "message"),
    [
        (
            (SPATIAL, CROSS, MLP_SPATIAL),
            {},
            "method.measure=[temporal]: the model has no temporal attention (it has cross "
            "attention, spatial attention, spatial mlp)",
        ),
        ((SPATIAL,), {"measure": ("cross_mlp",)}, "the model has no mlp"),
        (
            (SPATIAL, MLP_SPATIAL),
            {"measure": ("spatial",), "motion": True, "motion_first": 0, "motion_last": 1},
            "method.motion=true: is measured between frames",
        ),
        (
            (SPATIAL, MLP_SPATIAL, Group("mlp", "text")),
            {"measure": ("spatial",)},
            "method=adacache: is defined for blocks of one stream of tokens, and the model has",
        ),
    ],
)
def test_a_model_without_the_sites_is_refused_by_name(groups, keys, message):
    with pytest.raises(InvalidSettings) as caught:
        plan_of_facts(replace(OWN, **keys), Facts(TIMES, 12, 3, groups))
    assert message in str(caught.value)


def test_what_it_needs_and_what_is_sure():
    assert replace(OWN, motion=True).needs == {"sites"}
    facts = Facts(TIMES, 12, 3, (*GROUPS, CROSS_TEMPORAL))
    assert OWN.sure_calls(facts) == 2
    assert OWN.protected_calls(facts) == {10, 11}
    assert replace(OWN, protect_first=5).sure_calls(facts) == 5
    assert OWN.sure_calls(replace(facts, timesteps=(500,))) == 1


@pytest.mark.parametrize("pair", [(Fora(2), OWN), (OWN, Fora(2))])
def test_no_other_method_acts_beside_it(pair):
    problems = Problems()
    Combined(*pair).check(LATTE, problems)
    (problem,) = problems.found
    assert "adacache decides while it samples, and no other method can act beside" in str(problem)
