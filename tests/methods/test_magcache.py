"""What MagCache decides of ratios, where they come from, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.combined import Combined
from pab_bench.methods.fora import Fora
from pab_bench.methods.magcache import MagCache
from pab_bench.methods.magnitudes import picked, walk
from pab_bench.problems import InvalidSettings, Problems

GROUPS = (SPATIAL, CROSS)
STACK = tuple(tuple((group, block) for group in GROUPS) for block in range(3))


def facts(calls, transformers=()):
    times = tuple(range(calls, 0, -1))
    return Facts(times, calls, 3, GROUPS, stack=STACK, transformers=transformers)


def digits(computes):
    return "".join("01"[int(own)] for own in computes)


def found(method, calls):
    problems = Problems()
    method.check(About("latte", calls, calls, 28, "ddim", True), problems)
    return [str(problem) for problem in problems.found], problems.notices


@settings(max_examples=50)
@given(
    st.lists(st.floats(0.75, 1.25, width=32), min_size=2, max_size=40),
    st.floats(0, 0.5),
    st.integers(1, 6),
    st.floats(0, 0.9),
)
def test_every_decision_follows_from_what_is_accumulated(ratios, threshold, most, retention):
    calls = len(ratios)
    made = walk(ratios, calls, calls, (threshold, most, retention))
    kept = max(1, int(retention * calls + 0.5))
    assert all(made.computes[:kept])
    since = kept - 1  # Within retention nothing is accumulated.
    for call in range(kept, calls):
        error, number = made.errors[call], call - since
        product = np.prod(np.float64(ratios[since + 1 : call + 1]))
        assert error >= abs(1 - product) - 1e-4
        assert made.computes[call] == (error > np.float32(threshold) or number > most)
        since = call if made.computes[call] else since


def test_ratios_of_one_leave_out_as_many_as_may_be():
    made = walk([1.0] * 12, 12, 12, (0.0, 3, 0.0))
    assert digits(made.computes) == "100010001000"


def test_a_change_that_goes_on_accumulates():
    # Errors 0.02, 0.02 + 0.0404, ...: the second is above the threshold.
    made = walk([1.02] * 8, 8, 8, (0.06, 5, 0.2))
    assert digits(made.computes) == "11010101"
    assert made.errors[:2] == (None, None)
    assert made.errors[2:4] == pytest.approx((0.02, 0.0604), abs=1e-6)


def test_a_number_that_is_too_small_begins_anew():
    made = walk([1.0] * 4, 4, 10, (0.1, 3, 0.5))
    assert digits(made.computes) == "1100110011"


def test_ratios_are_picked_and_not_multiplied():
    ratios = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]
    assert picked(ratios, 6) == ratios
    # Halves go to the even place, as in diffusers.
    assert picked(ratios, 3) == [1.0, 1.2, 1.5]
    assert picked(ratios, 11)[:4] == [1.0, 1.0, 1.1, 1.2]


def test_all_blocks_are_left_out_together():
    method = MagCache(ratios=(1.0,) * 6)
    plan = method.plan(facts(6))
    assert plan.stack[:, 0].tolist() == [0, 0, 0, 0, 4, 4]
    assert (plan.stack == plan.stack[:, :1]).all()
    assert plan.is_skipped(CROSS)[:, 2].tolist() == [False, True, True, True, False, True]
    assert method.needs == {"stack"}


def test_another_transformer_begins_anew():
    method = MagCache(ratios=(1.0,) * 8)
    own = facts(8, (0, 0, 0, 1, 1, 1, 1, 1))
    # Retention is of the whole video: calls 0 and 1.
    assert digits(method.walk(own).computes) == "11010001"
    assert plan_of_facts(method, own).stack[:, 0].tolist() == [0, 1, 1, 3, 3, 3, 3, 7]


def test_sites_may_reuse_where_blocks_compute():
    both = Combined(MagCache(ratios=(1.0,) * 6), Fora(2))
    plan = both.plan(facts(6))
    assert plan.is_skipped(SPATIAL)[:, 0].tolist() == [False, True, True, True, False, True]


def test_ratios_of_a_file_are_those_of_the_key(tmp_path):
    for content in ([1, 0.99, 0.98], {"ratios": [1, 0.99, 0.98], "steps": 3}):
        path = tmp_path / "ratios.json"
        path.write_text(json.dumps(content))
        own = MagCache(file=path)
        assert own.known == (1.0, 0.99, 0.98)
        assert own.settings() == MagCache(ratios=(1.0, 0.99, 0.98)).settings()
        assert "file" not in own.settings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{broken", "is no JSON"),
        ("{}", "must be a list of at least two numbers above 0"),
        ("[1, true]", "must be a list of at least two numbers above 0"),
        ("[1, -0.5]", "must be a list of at least two numbers above 0"),
        ("[1, NaN]", "must be a list of at least two numbers above 0"),
        ("[1]", "must be a list of at least two numbers above 0"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_has_none(tmp_path, content, message):
    path = tmp_path / "ratios.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidSettings, match=message):
        MagCache(file=path)


def test_ratios_of_other_steps_are_refused_or_picked():
    method = MagCache(ratios=(1.0, 0.99, 0.98, 0.97))
    assert found(method, 4) == ([], [])
    (message,), _ = found(method, 9)
    assert message == (
        "method.ratios=[4 numbers]: are ratios of 4 calls of the transformer, the sampler makes "
        "9; calibrate them anew, or set method.steps=9 to pick among them"
    )
    with pytest.raises(InvalidSettings, match="are ratios of 4 calls"):
        method.plan(facts(9))
    assert found(MagCache(ratios=method.ratios, steps=9), 9) == ([], [])
    problems, (notice,) = found(MagCache(ratios=method.ratios, steps=4), 9)
    assert problems == []
    assert notice.startswith("method.steps=4: the transformer is called 9 times")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"ratios": (1.0, 1.0), "file": Path("x.json")},
            "method.file=x.json: says the same as method.ratios; set one of them",
        ),
        ({"ratios": (1.0,)}, r"method.ratios=\[1.0\]: must be at least two numbers above 0"),
        ({"ratios": (1.0, 0.0)}, "must be at least two numbers above 0"),
        ({"ratios": (1.0, 1.0), "most": 0}, "method.most=0: must be a whole number"),
        ({"ratios": (1.0, 1.0), "retention": 1.0}, "method.retention=1.0: must be at least 0"),
        ({"ratios": (1.0, 1.0), "threshold": -1.0}, "method.threshold=-1.0: must be a finite"),
        ({"ratios": (1.0, 1.0), "steps": 1}, "method.steps=1: must be a whole number"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        MagCache(**keys)
