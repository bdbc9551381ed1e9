"""What TeaCache decides of changes, which polynomial it takes, and what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.cache import Cache
from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.engine.places import At, Entrance, Look
from pab_bench.methods.base import About, Facts
from pab_bench.methods.teacache import PUBLISHED, Polynomial, TeaCache, relative_change
from pab_bench.problems import InvalidSettings, Problems

STACK = tuple(tuple((group, block) for group in (SPATIAL, CROSS)) for block in range(3))
ONE = Polynomial((1.0, 0.0))


def facts(times, lanes=1):
    return Facts(tuple(times), len(times), 3, (SPATIAL, CROSS), stack=STACK, lanes=lanes)


def decided(method, inputs, times=None, begins=(0,), lane=0):
    """A digit for every call, 1 where blocks are left out, and the numbers by which was decided."""
    times = range(len(inputs), 0, -1) if times is None else times
    policy = method.policy(facts(times))()
    policy.memory, policy.gates = Cache(), {}
    digits, kept = "", torch.zeros(2, 4)
    for call, value in enumerate(inputs):
        at = At(lane, call, int(times[call]), begins=call in begins)
        if at.begins:
            policy.memory.clear()
        if "call" in policy.places:
            policy.at_call(at, Look((torch.zeros(1), torch.tensor([times[call]])), {}))
        tokens = (torch.full((2, 4), float(value)),)
        entrance = Entrance(policy.run(at), tokens, tokens, None, tokens, {}, lambda x: x)
        out = policy.leaves_out(at, entrance)
        digits += "01"[out]
        if out:
            torch.testing.assert_close(policy.run_output(at, entrance)[0], tokens[0] + kept)
        else:
            kept = torch.full((2, 4), float(call))
            policy.run_ended(at, entrance, (tokens[0] + kept,))
    return digits, policy.gates


@given(
    st.lists(st.floats(0.5, 4.0, width=32), min_size=2, max_size=20),
    st.floats(0.01, 3.0),
    st.lists(st.floats(-2.0, 2.0), min_size=2, max_size=5),
)
def test_decisions_follow_the_rule(inputs, threshold, coefficients):
    digits, gates = decided(TeaCache(threshold, tuple(coefficients)), inputs)
    expected, total = "0", 0.0
    for call in range(1, len(inputs) - 1):
        new, old = inputs[call], inputs[call - 1]
        change = abs(new - old) / old
        total += sum(c * change**i for i, c in enumerate(reversed(coefficients)))
        assert gates[0, call] == pytest.approx(total, rel=1e-3, abs=1e-3)
        computes = gates[0, call] >= threshold
        expected += "10"[computes]
        # Go on with the number as it was rounded there.
        total = 0.0 if computes else gates[0, call]
    assert digits == expected + "0"
    assert set(gates) == {(0, call) for call in range(1, len(inputs) - 1)}


def test_the_sum_begins_anew_where_blocks_compute():
    method = TeaCache(0.5, (1.0, 0.0))
    digits, gates = decided(method, [1.0, 1.2, 1.44, 1.728, 2.0736, 2.0736])
    assert digits == "011010"
    assert [gates[0, call] for call in range(1, 5)] == pytest.approx([0.2, 0.4, 0.6, 0.2], abs=1e-6)


def test_a_negative_sum_computes_nothing_and_is_told():
    method = TeaCache(0.1, (-1.0, 0.0))
    digits, gates = decided(method, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert digits == "01110"
    (remark,) = method.remarks([gates, {}, {(0, 1): 0.2}])
    assert "was negative in 1 of 3 videos (down to -1.833)" in remark
    assert method.remarks([{(0, 1): 0.2}]) == []


@pytest.mark.parametrize(
    ("last_call", "times", "digits"),
    [
        ("index", (9.0, 6.0, 3.5), "010"),
        ("value", (9.0, 6.0, 3.5), "011"),
        ("value", (9.0, 6.0, 3.0), "010"),
        ("value", (9.0, 3.0, 3.0), "000"),
        ("index", (9.0, 3.0, 3.0), "010"),
    ],
)
def test_the_last_call_by_index_or_by_value(last_call, times, digits):
    method = TeaCache(9.0, (1.0, 0.0), last_call)
    assert decided(method, [1.0, 1.1, 1.2], times)[0] == digits


def test_timesteps_are_compared_in_the_dtype_of_the_tokens():
    # 143.1 is 143 in bfloat16, and no call is the last in float32.
    method = TeaCache(9.0, (1.0, 0.0), "value")
    times = (900.0, 500.0, 143.1)
    policy = method.policy(facts(times))()
    for dtype, surely in ((torch.float32, False), (torch.bfloat16, True)):
        policy.at_call(At(0, 2, 143), Look((torch.zeros(1), torch.tensor([143.1])), {}))
        tokens = (torch.zeros(1, dtype=dtype),)
        entrance = Entrance(policy.run(At(0, 2, 143)), tokens, tokens, None, (), {})
        assert policy.computes_surely(At(0, 2, 143), entrance) == surely


def test_another_transformer_begins_anew():
    digits, gates = decided(TeaCache(9.0, (1.0, 0.0)), [1.0] * 6, begins=(0, 3))
    assert digits == "011010"
    assert (0, 3) not in gates


def test_change_is_relative_to_the_call_before():
    assert relative_change(torch.tensor([2.0, 2.0]), torch.tensor([1.0, -1.0])) == 2.0
    assert ONE(0.25) == 0.25
    assert Polynomial((1.0, -2.0, 3.0))(2.0) == 3.0


def test_published_polynomials_are_negative_where_the_page_says():
    polynomial = Polynomial(PUBLISHED["latte", 50]["coefficients"])
    assert polynomial(0.23) > 0 > polynomial(0.25)
    assert polynomial(0.467765898) == pytest.approx(-70.5995616, rel=1e-6)


def found(method, about):
    problems = Problems()
    method.filled(about).check(about, problems)
    return [str(problem) for problem in problems.found], problems.notices


def about(system, steps, model=""):
    return About(system, steps, None, 28, None, True, model)


def test_published_where_it_was_and_refused_elsewhere():
    assert found(TeaCache(), about("latte", 50, "latte")) == ([], [])
    assert TeaCache().filled(about("latte", 20)).coefficients[0] == -2464.34137
    assert found(TeaCache(), about("latte", 20, "latte_mini")) == (
        [],
        [
            "method.coefficients: as published for latte with 50 steps; here are 20 steps, and "
            "latte_mini is another model"
        ],
    )
    own = TeaCache(coefficients=(1.0, 0.0))
    assert found(own, about("latte", 20, "latte_mini")) == ([], [])
    assert found(own, about("wan", 50)) == ([], [])
    assert found(TeaCache(), about("wan", 50)) == (
        [
            "method.coefficients=null: nothing was published for wan (latte, open_sora, "
            "open_sora_plan); set method.coefficients, or: `python -m pab_bench task=calibrate "
            "method=teacache model=MODEL steps=50` measures them, and method.calibration=FILE "
            "takes them"
        ],
        [],
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"threshold": -0.1}, "method.threshold=-0.1: must be a finite"),
        ({"threshold": float("nan")}, "method.threshold=.*nan.*: must be a finite"),
        ({"coefficients": (1.0,)}, "must be at least two finite numbers"),
        ({"coefficients": (1.0, float("inf"))}, "must be at least two finite numbers"),
        ({"last_call": "time"}, "method.last_call=time: must be one of index, value"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        TeaCache(**keys)
